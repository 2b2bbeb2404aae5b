"""Finds where to resume a run, and checks what may differ from how it was trained so far.

The frozen recipe of a run is the recipe that trains it: a change that can no longer have an effect is refused
by name, one that affects training must be allowed, and all are written to log.jsonl with the step from which
they apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from attnforge.data.fingerprint import IMAGES_DIFFER, differences
from attnforge.errors import DataError, Problem, RecipeError, RunError
from attnforge.interfaces import Task
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.schema import Recipe
from attnforge.run.changes import INTERVALS, Changes, changes_between, refuse_changes, shown
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.search import Damage, newest_checkpoint, saved_folders
from attnforge.storage.folder import RunFolder
from attnforge.storage.intact import has_intact_lock, no_intact_checkpoint

_NOT_KEPT = frozenset({"params", "lr", "initial_lr"})
"""Keys of an optimizer's parameter groups that a task sets again, or that are not options."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """The checkpoint from which a run is resumed, and the changes of its recipe since."""

    checkpoint: Checkpoint
    skipped: tuple[Damage, ...]
    """Newer checkpoints, which cannot be used."""
    changes: Changes
    """Since the checkpoint."""

    def changed_in(self, path: str) -> list[str]:
        """The keys below a dotted path that have changed."""
        return [key for key in self.changes if key == path or key.startswith(f"{path}.")]


def find_resumption(
    run: RunFolder,
    resolved: ResolvedRecipe,
    *,
    phases: Sequence[str],
    warn: Callable[[str], None],
    allow_changes: bool = False,
) -> Resumption | None:
    """Find the newest checkpoint of a run that is intact and finite; None when the run has never saved one.

    Args:
        run: The run folder.
        resolved: The recipe to resume with.
        phases: The phases to train, in order.
        warn: Called for every checkpoint that is skipped.
        allow_changes: Whether values that affect training may differ from those of the run.

    Raises:
        RunError: no checkpoint can be used, or some belong to phases that the recipe lacks, or the recipe
            changes what has been trained already, or values that affect training without being allowed to.
    """
    search = newest_checkpoint(run.checkpoints, phases=phases, finite=True)
    for damage in search.passed_over:
        warn(f"skipping checkpoint {damage}")
    _refuse_other_phases(run, resolved)
    if search.checkpoint is None:
        if search.passed_over:
            raise RunError(no_intact_checkpoint(run, search.passed_over))
        _refuse_unknown_folders(run)
        return None
    changes = _changes_since(search.checkpoint, resolved, warn=warn)
    _refuse_changes_of_finished_phases(search.checkpoint, changes, phases)
    if not allow_changes:
        _refuse_drift(run, resolved, changes)
    if changes.get("encoders", (None, None))[1] is not None:
        warn("`encoders` has no effect on a resumed run: its checkpoint holds the encoders")
    return Resumption(search.checkpoint, search.passed_over, changes)


def load_task(resumption: Resumption, task: Task) -> tuple[str, ...]:
    """Load weights and optimizer states of the checkpoint; returns the optimizers whose state was reset.

    Learning rates are taken from the current recipe; a task with a schedule sets them at each step.

    Raises:
        RunError: the states do not fit, or the recipe changes options that the optimizers keep.
    """
    checkpoint = resumption.checkpoint
    prefix = f"phases.{checkpoint.phase}.task"
    changed = resumption.changed_in(prefix)
    recipe_options = {
        name: [
            {key: float(value) if key == "lr" else value for key, value in group.items() if key != "params"}
            for group in optimizer.param_groups
        ]
        for name, optimizer in task.optimizers().items()
    }
    reset_optimizers = checkpoint.load_task(task)
    if not changed:
        return reset_optimizers
    problems = []
    for name, optimizer in task.optimizers().items():
        for group, options in zip(optimizer.param_groups, recipe_options[name], strict=True):
            conflicts = [key for key in options if key not in _NOT_KEPT and group.get(key) != options[key]]
            for option in conflicts:
                key = next((key for key in changed if key.rpartition(".")[2] == option), prefix)
                problems.append(
                    Problem(
                        code="cannot-change",
                        message=f"`{key}` cannot change on resume: optimizer {name!r} keeps its "
                        f"{option} of {shown(group.get(option))}, but the recipe has "
                        f"{shown(options[option])}",
                        expected=f"the previous value of `{key}`",
                        next_step="attnforge train RECIPE --out FOLDER starts a new run",
                    )
                )
            if isinstance(group.get("lr"), Tensor):  # a CUDA graph reads this tensor in place
                group["lr"].fill_(options["lr"])
            elif "lr" in options:
                group["lr"] = options["lr"]
    if problems:
        raise RunError(list(dict.fromkeys(problems)))
    return reset_optimizers


def refuse_fewer_steps(checkpoint: Checkpoint, steps: int) -> None:
    """Refuse a phase that ends before the checkpoint.

    Raises:
        RunError: the checkpoint has more steps than the phase.
    """
    if checkpoint.step <= steps:
        return
    raise RunError(
        Problem(
            code="cannot-change",
            message=f"phase {checkpoint.phase} has {steps} steps in the recipe, but checkpoint "
            f"{checkpoint.folder} is at step {checkpoint.step}",
            expected=f"at least {checkpoint.step} steps, or a branch from an earlier checkpoint",
            next_step=f"attnforge train --resume {_run(checkpoint)}/checkpoints/NAME --out FOLDER",
        )
    )


def refuse_other_data(
    checkpoint: Checkpoint, data: Mapping[str, str], *, recipe: Recipe, warn: Callable[[str], None]
) -> None:
    """Refuse training data that differs from the checkpoint's, or only warn of it.

    Raises:
        DataError: the data differs, and the recipe does not accept that.
    """
    differing = differences(checkpoint.manifest.data, data)
    if not differing:
        return
    message = (
        f"the training data differs from that of checkpoint {checkpoint.folder}: "
        f"it has {' and '.join(differing)}"
    )
    # a repaired image file is not another data set: names and captions are the same
    if recipe.training.changed_data == "accept" or differing == [IMAGES_DIFFER]:
        warn(message)
        return
    raise DataError(
        Problem(
            code="other-data",
            message=message,
            expected="the same data, or the option that accepts the change",
            next_step=f"attnforge train --resume {_run(checkpoint)} training.changed_data=accept",
        )
    )


def _refuse_other_phases(run: RunFolder, resolved: ResolvedRecipe) -> None:
    """Refuse a recipe without a phase of the run: later phases would be trained again from step 0."""
    known = list(resolved.data()["phases"])
    saved = dict.fromkeys(phase for phase, _ in saved_folders(run.checkpoints).values())
    if missing := [phase for phase in saved if phase not in known]:
        names = ", ".join(missing)
        raise RunError(
            Problem(
                code="other-phases",
                message=f"run {run.path} has checkpoints of phase {names}, which the recipe does not have",
                expected=f"a recipe with the phases of the run; this one has {', '.join(known)}",
                next_step=f"ls {run.checkpoints}",
            )
        )


def _refuse_unknown_folders(run: RunFolder) -> None:
    """Refuse to start from step 0 when there are folders that may be renamed checkpoints."""
    if not run.checkpoints.is_dir():
        return
    names = sorted(path.name for path in run.checkpoints.iterdir() if not path.name.startswith("."))
    if names:
        raise RunError(
            Problem(
                code="no-whole-checkpoint",
                message=f"{run.checkpoints} has no checkpoint, but contains {', '.join(names[:5])}",
                expected="folders such as gan-0001000, or an empty folder to start from step 0",
                next_step=f"ls {run.checkpoints}",
            )
        )


def _refuse_changes_of_finished_phases(
    checkpoint: Checkpoint, changes: Changes, phases: Sequence[str]
) -> None:
    finished = set(phases[: phases.index(checkpoint.phase)])
    problems = []
    for key, (before, after) in changes.items():
        section, _, rest = key.partition(".")
        phase, _, option = rest.partition(".")
        if section != "phases" or phase not in finished or option in INTERVALS:
            continue
        problems.append(
            Problem(
                code="cannot-change",
                message=f"`{key}` cannot change from {shown(before)} to {shown(after)}: phase {phase} is "
                f"finished, and the run is at step {checkpoint.step} of {checkpoint.phase}",
                expected=f"the previous value of `{key}`, or a new run, which may use these encoders",
                next_step="attnforge train RECIPE --out FOLDER starts a new run",
            )
        )
    if problems:
        raise RunError(problems)


def _changes_since(
    checkpoint: Checkpoint, resolved: ResolvedRecipe, *, warn: Callable[[str], None]
) -> dict[str, tuple[Any, Any]]:
    """Values in which the recipe differs from that of the checkpoint."""
    if not checkpoint.lock.is_file():
        return {}
    try:
        return changes_between(checkpoint.lock, resolved)
    except RecipeError as error:  # components that are no longer installed, and that the recipe may replace
        reason = error.problems[0].message
        warn(f"changes of the recipe are not checked: {checkpoint.lock} cannot be resolved: {reason}")
        return {}


def _refuse_drift(run: RunFolder, resolved: ResolvedRecipe, since_checkpoint: Changes) -> None:
    """Refuse changes that affect training: since the run's frozen recipe or, if damaged, the checkpoint's."""
    if not has_intact_lock(run):
        refuse_changes(since_checkpoint, run=run.path)
        return
    with suppress(RecipeError):  # of components that are no longer installed, which was warned of
        refuse_changes(changes_between(run.lock, resolved), run=run.path)


def _run(checkpoint: Checkpoint) -> Path:
    return checkpoint.folder.parent.parent
