"""The task of a phase, built for a run."""

from __future__ import annotations

from attnforge.build.builder import class_of
from attnforge.build.parts import Parts
from attnforge.errors import PluginError, Problem
from attnforge.interfaces import Task
from attnforge.names import RULE, is_safe
from attnforge.recipe.schema import Phase


def is_recorded(parts: Parts, phase: Phase) -> bool:
    """Whether the steps of a phase may be recorded, so that all their batches must have one shape."""
    graphs = parts.engine is not None and parts.engine.cuda_graphs
    return graphs and "generator" in class_of(phase.task).needs


def build_task(parts: Parts, phase: Phase, *, name: str) -> Task:
    """The task of a phase.

    Raises:
        PluginError: it gives a network a name that is not safe as that of a file.
    """
    task = phase.task(parts.task_spec(class_of(phase.task).needs))
    bad = [network for network in task.networks() if not is_safe(network)]
    if bad:
        raise PluginError(
            Problem(
                code="unsafe-name",
                message=f"the task of phase {name} has a network called {bad[0]!r}, whose weights would be "
                "saved under that name",
                expected=RULE,
            )
        )
    return task
