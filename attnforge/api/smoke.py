"""Tries a recipe: two steps of every phase, images, metrics and a report, of which nothing is kept."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attnforge.api.recipes import Recipe, Values, recipe
from attnforge.api.training import start
from attnforge.report.compose import report_run
from attnforge.run.stop import StopSignal
from attnforge.train.progress import Reporter, duration

STEPS = 2
"""Of each phase: the second finds what the first has left."""
CAPTIONS = 20
"""Captions that are measured."""


def smoke(source: Recipe, *, overrides: Values = (), stop: StopSignal, reporter: Reporter) -> bool:
    """Train a few steps of a recipe in a temporary folder, measure, report, and remove it.

    What would fail after hours fails here: data, weights, memory, metrics, the report.

    Args:
        source: The recipe.
        overrides: Values by dotted key, or `KEY=VALUE` each.
        stop: The signal handler, already entered.
        reporter: Where progress is reported.

    Returns:
        Whether it came to its end; not if it was stopped.

    Raises:
        AttnforgeError: as `attnforge.api.training.train`, or the report cannot be made.
    """
    start_time = time.monotonic()
    whole = recipe(source, overrides=overrides)
    data = whole.data()
    shortened = recipe(whole, overrides=_shortened(data))
    with TemporaryDirectory(prefix="attnforge-smoke-") as folder:
        out = Path(folder) / shortened.name
        outcome = start(shortened, out=out, resume=False, allow_changes=False, stop=stop, reporter=reporter)
        if not outcome.finished:
            return False
        report_run(out)
    *others, last = data["phases"]
    phases = f"{', '.join(others)} and {last}" if others else last
    took = duration(time.monotonic() - start_time)
    reporter.line(f"{shortened.name} works: {STEPS} steps of {phases}, metrics and a report in {took}")
    reporter.line("nothing is kept")
    return True


def _shortened(data: Mapping[str, Any]) -> list[str]:
    """What makes a recipe short, as `KEY=VALUE`."""
    changes: list[str] = []
    for name, phase in data["phases"].items():
        changes += [f"phases.{name}.epochs=null"] if phase.get("epochs") else []
        changes += [f"phases.{name}.steps={STEPS}", f"phases.{name}.checkpoint_every={STEPS}"]
        changes += [f"phases.{name}.sample_every={STEPS}"] if phase.get("sample_every") else []
    changes += [f"evaluation.captions={CAPTIONS}", "evaluation.every=0"]
    return [*changes, *(f"trackers.{name}=null" for name in data.get("trackers") or {})]
