"""The task of a phase with its batches, built for a run."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from attnforge.build.builder import class_of
from attnforge.build.parts import Parts
from attnforge.data.loader import batches
from attnforge.errors import PluginError, Problem
from attnforge.interfaces import Batch, Dataset, Task
from attnforge.names import RULE, is_safe
from attnforge.recipe.schema import Phase


def is_recorded(parts: Parts, phase: Phase) -> bool:
    """Whether the steps of a phase may be recorded, so that all their batches must have one shape."""
    graphs = parts.engine is not None and parts.engine.cuda_graphs
    return graphs and "generator" in class_of(phase.task).needs


def sampling_network(task: Task) -> nn.Module | None:
    """The network of a task that images are drawn with: the averaged generator where there is one."""
    networks = task.networks()
    return networks.get("generator-average", networks.get("generator"))


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


def steps_of(phase: Phase, *, images: int) -> int:
    """How many steps a phase lasts on a data set of so many images."""
    return phase.steps or max(1, (phase.epochs or 1) * images // phase.batch_size)


def phase_batches(
    parts: Parts, phase: Phase, data: Dataset, *, start: int, steps: int, workers: int | None = None
) -> Iterator[Batch]:
    """The batches of a phase, on the device of its parts.

    Args:
        parts: The recipe's parts.
        phase: The phase.
        data: Its images with their captions.
        start: Steps that were made before.
        steps: Steps of the whole phase.
        workers: Processes that load; the recipe's number when not given.
    """
    training = parts.recipe.training
    return batches(
        data,
        parts.tokenizer,
        batch_size=phase.batch_size,
        seed=training.seed,
        start_step=start,
        steps=steps,
        max_words=phase.max_words,
        truncate=phase.truncate,
        order=phase.order,
        workers=training.workers if workers is None else workers,
        full_length=is_recorded(parts, phase),
        device=parts.device,
    )
