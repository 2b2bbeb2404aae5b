"""Where a run is resumed, and what may differ from what it was trained with so far.

What the frozen recipe of a run records is what trains: a change that can have no effect any more is refused
by name, and one that has is written to log.jsonl with the step from which it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from attnforge.data.fingerprint import IMAGES_DIFFER, differences
from attnforge.errors import DataError, Problem, RecipeError, RunError
from attnforge.interfaces import Task
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.recipe.schema import Recipe
from attnforge.run.folder import RunFolder
from attnforge.train.checkpoints.checkpoint import Checkpoint
from attnforge.train.checkpoints.search import Damage, newest_checkpoint, saved_folders

_CADENCES = frozenset({"log_every", "sample_every", "checkpoint_every"})
"""Options of a phase that decide nothing about what it trains."""
_SCHEDULED = frozenset({"params", "lr", "initial_lr"})
"""What an optimizer's options hold that a task sets again, or that is no option."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where a run is resumed."""

    checkpoint: Checkpoint
    passed_over: tuple[Damage, ...]
    """Newer checkpoints, which cannot be used."""
    changes: Mapping[str, tuple[Any, Any]]
    """What the recipe says now and at the checkpoint, by dotted key: before, now."""

    def changed_in(self, path: str) -> list[str]:
        """The keys below a dotted path that have changed."""
        return [key for key in self.changes if key == path or key.startswith(f"{path}.")]


def find_resumption(
    run: RunFolder,
    resolved: ResolvedRecipe,
    *,
    phases: Sequence[str],
    warn: Callable[[str], None],
) -> Resumption | None:
    """The newest checkpoint of a run that is whole and finite; None when the run has never saved one.

    Args:
        run: The run folder.
        resolved: The recipe that it is resumed with.
        phases: The phases that are trained, in order.
        warn: Told of every checkpoint that is passed over.

    Raises:
        RunError: there are checkpoints, but none that can be used, or some of phases that the recipe lacks;
            or the recipe changes what has been trained already.
    """
    search = newest_checkpoint(run.checkpoints, phases=phases, finite=True)
    for damage in search.passed_over:
        warn(f"checkpoint passed over: {damage}")
    _refuse_other_phases(run, resolved)
    if search.checkpoint is None:
        if search.passed_over:
            raise RunError(no_whole_checkpoint(run, search.passed_over))
        _refuse_unknown_folders(run)
        return None
    changes = _changes(search.checkpoint, resolved, warn=warn)
    _refuse_what_is_done(search.checkpoint, changes, phases)
    if changes.get("encoders", (None, None))[1] is not None:
        warn("`encoders` has no effect on a run that has begun: its checkpoint holds the encoders")
    return Resumption(search.checkpoint, search.passed_over, changes)


def no_whole_checkpoint(run: RunFolder, passed_over: Sequence[Damage]) -> Problem:
    """The problem of a run whose checkpoints are all damaged."""
    faults = "; ".join(f"{damage.folder.name}: {damage.fault}" for damage in passed_over)
    return Problem(
        code="no-whole-checkpoint",
        message=f"run {run.path} has checkpoints, but none of them can be used: {faults}",
        expected="one that is whole, such as from a copy of the run; nothing was changed",
        next_step="attnforge train RECIPE --out FOLDER trains anew",
    )


def load_task(resumption: Resumption, task: Task) -> tuple[str, ...]:
    """Put weights and optimizer states of the checkpoint into a task; gives the optimizers that begin anew.

    Step sizes are those of the recipe as it is now; a task that has a schedule sets them at each step.

    Raises:
        RunError: they do not fit, or the recipe changes options that the optimizers keep.
    """
    checkpoint = resumption.checkpoint
    prefix = f"phases.{checkpoint.phase}.task"
    changed = resumption.changed_in(prefix)
    fresh = {
        name: [
            {key: float(value) if key == "lr" else value for key, value in group.items() if key != "params"}
            for group in optimizer.param_groups
        ]
        for name, optimizer in task.optimizers().items()
    }
    anew = checkpoint.load_task(task)
    if not changed:
        return anew
    problems = []
    for name, optimizer in task.optimizers().items():
        for group, options in zip(optimizer.param_groups, fresh[name], strict=True):
            kept = [key for key in options if key not in _SCHEDULED and group.get(key) != options[key]]
            for option in kept:
                key = next((key for key in changed if key.rpartition(".")[2] == option), prefix)
                problems.append(
                    Problem(
                        code="cannot-change",
                        message=f"`{key}` cannot change on resume: optimizer {name!r} keeps its "
                        f"{option} of {_shown(group.get(option))}, the recipe says {_shown(options[option])}",
                        expected=f"`{key}` as it was",
                        next_step="attnforge train RECIPE --out FOLDER trains anew",
                    )
                )
            if isinstance(group.get("lr"), Tensor):  # a graph reads it where it is
                group["lr"].fill_(options["lr"])
            elif "lr" in options:
                group["lr"] = options["lr"]
    if problems:
        raise RunError(list(dict.fromkeys(problems)))
    return anew


def refuse_fewer_steps(checkpoint: Checkpoint, steps: int) -> None:
    """Refuse a phase that ends before the checkpoint.

    Raises:
        RunError: the checkpoint has made more steps than the phase shall have.
    """
    if checkpoint.step <= steps:
        return
    raise RunError(
        Problem(
            code="cannot-change",
            message=f"phase {checkpoint.phase} shall have {steps} steps, but checkpoint "
            f"{checkpoint.folder} has made {checkpoint.step}",
            expected=f"at least {checkpoint.step} steps, or an earlier checkpoint in another folder",
            next_step=f"attnforge train --resume {_run(checkpoint)}/checkpoints/NAME --out FOLDER",
        )
    )


def refuse_other_data(
    checkpoint: Checkpoint, data: Mapping[str, str], *, recipe: Recipe, warn: Callable[[str], None]
) -> None:
    """Refuse, or only warn of, training data that is not the checkpoint's.

    Raises:
        DataError: the data differs, and the recipe does not accept that.
    """
    differing = differences(checkpoint.manifest.data, data)
    if not differing:
        return
    message = (
        f"the training data is not that of checkpoint {checkpoint.folder}: it has {' and '.join(differing)}"
    )
    # a file that was damaged and is mended is no other data set: names and captions are as they were
    if recipe.training.changed_data == "accept" or differing == [IMAGES_DIFFER]:
        warn(message)
        return
    raise DataError(
        Problem(
            code="other-data",
            message=message,
            expected="the same data, or the option that accepts other data from here on",
            next_step=f"attnforge train --resume {_run(checkpoint)} training.changed_data=accept",
        )
    )


def _refuse_other_phases(run: RunFolder, resolved: ResolvedRecipe) -> None:
    """A phase that the recipe lacks would be forgotten, and what follows it trained anew."""
    known = list(resolved.data()["phases"])
    saved = dict.fromkeys(phase for phase, _ in saved_folders(run.checkpoints).values())
    if others := [phase for phase in saved if phase not in known]:
        names = ", ".join(others)
        raise RunError(
            Problem(
                code="other-phases",
                message=f"run {run.path} has checkpoints of phase {names}, which the recipe does not have",
                expected=f"a recipe with the phases of the run; this one has {', '.join(known)}",
                next_step=f"ls {run.checkpoints}",
            )
        )


def _refuse_unknown_folders(run: RunFolder) -> None:
    """What may be checkpoints under other names is no reason to begin a run anew."""
    if not run.checkpoints.is_dir():
        return
    names = sorted(path.name for path in run.checkpoints.iterdir() if not path.name.startswith("."))
    if names:
        raise RunError(
            Problem(
                code="no-whole-checkpoint",
                message=f"{run.checkpoints} has no checkpoint, but holds {', '.join(names[:5])}",
                expected="folders such as gan-0001000, or none for a run that shall begin anew",
                next_step=f"ls {run.checkpoints}",
            )
        )


def _refuse_what_is_done(
    checkpoint: Checkpoint, changes: Mapping[str, tuple[Any, Any]], phases: Sequence[str]
) -> None:
    done = set(phases[: phases.index(checkpoint.phase)])
    problems = []
    for key, (before, now) in changes.items():
        section, _, rest = key.partition(".")
        phase, _, option = rest.partition(".")
        if section != "phases" or phase not in done or option in _CADENCES:
            continue
        problems.append(
            Problem(
                code="cannot-change",
                message=f"`{key}` cannot change from {_shown(before)} to {_shown(now)}: phase {phase} is "
                f"over, and the run is at step {checkpoint.step} of {checkpoint.phase}",
                expected=f"`{key}` as it was, or a new run that takes these encoders or trains anew",
                next_step="attnforge train RECIPE --out FOLDER trains anew",
            )
        )
    if problems:
        raise RunError(problems)


def _changes(
    checkpoint: Checkpoint, resolved: ResolvedRecipe, *, warn: Callable[[str], None]
) -> dict[str, tuple[Any, Any]]:
    """What the recipe says differently from that of the checkpoint, with every default filled in."""
    if not checkpoint.lock.is_file():
        return {}
    try:
        before = _flat(resolve(checkpoint.lock, plugins=resolved.plugins).data())
    except RecipeError as error:  # parts that are not installed any more, and that the recipe may replace
        reason = error.problems[0].message
        warn(f"what the recipe changes cannot be told: {checkpoint.lock} cannot be resolved here: {reason}")
        return {}
    now = _flat(resolved.data())
    keys = dict.fromkeys([*before, *now])
    return {
        key: (before.get(key), now.get(key)) for key in keys if before.get(key, _flat) != now.get(key, _flat)
    }


def _flat(data: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        below = f"{path}.{key}" if path else key
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, below)
        else:
            flat[below] = value
    return flat


def _run(checkpoint: Checkpoint) -> Path:
    return checkpoint.folder.parent.parent


def _shown(value: object) -> str:
    return "nothing" if value is None else str(list(value) if isinstance(value, tuple) else value)
