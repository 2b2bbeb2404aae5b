"""Trains a recipe, or resumes a run; `attnforge train` calls `start`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from attnforge.api import arguments
from attnforge.api.recipes import Recipe, Values, plugins_of, read_overrides, resolved_by
from attnforge.compute.meeting import Meeting
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.run.opening import follow_run, names_a_run, open_run
from attnforge.run.stop import StopSignal
from attnforge.run.training import Outcome
from attnforge.run.training import train as train_run
from attnforge.storage.folder import RunFolder
from attnforge.train.progress import ConsoleReporter, Reporter, SilentReporter


def train(
    source: Recipe,
    *,
    overrides: Values = (),
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    allow_changes: bool = False,
    components: Sequence[type] = (),
    max_minutes: float | None = None,
    quiet: bool = False,
) -> Outcome:
    """Train every phase of a recipe: `attnforge.train("quickstart", overrides={"training.seed": 2})`.

    Interrupting it, as by a notebook's stop button, saves a checkpoint; `attnforge.train(outcome.run.path,
    resume=True)` continues.

    Args:
        source: A recipe's name, the path of its file, a dictionary with its keys, or a resolved recipe; with
            `resume` also a run or a checkpoint.
        overrides: Values by dotted key, or `KEY=VALUE` each.
        out: The run folder; by default `runs/NAME-DIGEST`.
        resume: Whether to resume the run.
        allow_changes: Whether values that affect training may differ from those of a resumed run.
        components: Classes that `attnforge.component` declared, of a resumed run or by their names.
        max_minutes: Save a checkpoint and stop after the first step that ends so many minutes later.
        quiet: Whether to report nothing.

    Raises:
        AttnforgeError: as `attnforge.run.training.train`, with every problem of the recipe.
    """
    place = None if out is None else arguments.path("out", out, expected="the path of the run folder")
    minutes = None if max_minutes is None else arguments.positive("max_minutes", max_minutes)
    with StopSignal() as stop:
        if minutes is not None:
            stop.limit(60 * minutes)
        return start(
            source,
            overrides=overrides,
            out=place,
            resume=resume,
            allow_changes=allow_changes,
            plugins=plugins_of(source, overrides, components),
            stop=stop,
            reporter=SilentReporter() if quiet else ConsoleReporter(),
        )


def start(
    source: Recipe,
    *,
    overrides: Values = (),
    out: Path | None,
    resume: bool,
    allow_changes: bool,
    stop: StopSignal,
    reporter: Reporter,
    meeting: Meeting | None = None,
    plugins: PluginCatalogue | None = None,
) -> Outcome:
    """Like `train`, with the signals, the reporter and the processes of the caller.

    Args:
        source: A recipe, or with `resume` a run or a checkpoint.
        overrides: Values by dotted key, or `KEY=VALUE` each.
        out: The run folder.
        resume: Whether to resume the run.
        allow_changes: Whether values that affect training may differ from those of a resumed run.
        stop: The signal handler, already entered.
        reporter: Where progress is reported.
        meeting: Where the processes that train together have met; by default they meet here.
        plugins: Plugins that provide components; by default the installed ones.

    Raises:
        AttnforgeError: as `train`.
    """
    plugins = plugins or load_plugins()
    if resume and isinstance(source, str | os.PathLike) and names_a_run(os.fspath(source), plugins):
        changes = read_overrides(overrides, plugins=plugins)
        path, place = Path(source), out
        if meeting is not None and meeting.own.restarts and out is not None and RunFolder(out).lock.exists():
            path, place = out, None  # the branch that was made before all processes were started again
        first = partial(open_run, path, out=place, overrides=changes, plugins=plugins, warn=reporter.warning)
        others = partial(follow_run, Path(source), out=out, overrides=changes, plugins=plugins)
        opened = first() if meeting is None else meeting.after_first(first, others)
        return train_run(
            opened.resolved,
            opened.path,
            resume=True,
            allow_changes=allow_changes or opened.is_branch,
            reporter=reporter,
            recipe_text=opened.recipe_text,
            stop=stop,
            meeting=meeting,
        )
    resolved = resolved_by(plugins, source, overrides=overrides)
    return train_run(
        resolved,
        out or Path("runs") / f"{resolved.name}-{resolved.digest[:8]}",
        resume=resume,
        allow_changes=allow_changes,
        reporter=reporter,
        stop=stop,
        meeting=meeting,
    )
