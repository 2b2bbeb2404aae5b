"""Opens the run that `--resume PATH` names: to resume it in place, or to branch from it into a new folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attnforge.errors import Problem, RecipeError, RunError, nearest
from attnforge.plugin import PluginCatalogue
from attnforge.recipe import ResolvedRecipe, compose, resolve
from attnforge.recipe.library import library, locate
from attnforge.recipe.override import Overrides
from attnforge.recipe.scalars import write as write_yaml
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.search import newest_checkpoint, read_checkpoint
from attnforge.storage.exclusive import exclusive
from attnforge.storage.folder import RunFolder
from attnforge.storage.intact import intact_lock, no_intact_checkpoint, phases_of, restore_lock
from attnforge.storage.locating import RunLocation, locate_run


@dataclass(frozen=True, slots=True)
class OpenedRun:
    """A run that can be resumed."""

    path: Path
    resolved: ResolvedRecipe
    """Its frozen recipe, with the overrides."""
    recipe_text: str
    """The same recipe as the user wrote it, as YAML."""
    is_branch: bool = False
    """Whether the run is a new branch, whose recipe may differ from that of its first checkpoint."""


def names_a_run(text: str, plugins: PluginCatalogue) -> bool:
    """Whether the argument of `--resume` is the path of a run rather than a recipe.

    Raises:
        RunError: it is neither; the error suggests the nearest run and recipe.
    """
    path = Path(text)
    if path.exists():
        return not (path.is_file() and path.suffix in (".yaml", ".yml"))
    if not isinstance(locate(text, plugins, folder=Path()), Problem):
        return False
    try:
        locate_run(path)
    except RunError as error:
        close = nearest(text, [recipe.name for recipe in library(plugins)])
        if close is None:
            raise
        (problem,) = error.problems
        expected = f"{problem.expected}; or the recipe `{close}`"
        raise RunError(Problem(problem.code, problem.message, None, expected, problem.next_step)) from error
    return True


def open_run(
    path: Path,
    *,
    out: Path | None,
    overrides: Overrides,
    plugins: PluginCatalogue,
    warn: Callable[[str], None],
) -> OpenedRun:
    """Open the run at `path`, or a branch of it in `out`.

    A branch holds the checkpoint that it starts from, the recipes, and the scalars up to it; the original
    run is unchanged.

    Args:
        path: A run or a checkpoint.
        out: The folder of the branch; None resumes the run in place.
        overrides: `KEY=VALUE` each, or parsed, applied to the frozen recipe.
        plugins: The installed plugins, for their components.
        warn: Called for damage that can be worked around.

    Raises:
        RunError: the run or checkpoint is missing, the checkpoint is not the newest and `out` is not given,
            or `out` already holds a run.
        RecipeError: an override is invalid.
    """
    location = locate_run(path)
    run = location.run
    if out is not None and out.resolve() != run.path.resolve():
        return _branch(location, out, overrides=overrides, plugins=plugins, warn=warn)
    with exclusive(run.path, purpose="resuming", warn=lambda text: None):
        lock = restore_lock(run, warn=warn)
    if location.checkpoint is not None:
        _refuse_older(run, location.checkpoint, phases=phases_of(lock))
    resolved = resolve(lock, overrides=overrides, plugins=plugins)
    return OpenedRun(run.path, resolved, _recipe_text(run, resolved, overrides, plugins))


def follow_run(path: Path, *, out: Path | None, overrides: Overrides, plugins: PluginCatalogue) -> OpenedRun:
    """Open the run that the first of several processes has opened by `open_run`; writes nothing.

    Args:
        path: A run or a checkpoint.
        out: The folder of a branch.
        overrides: `KEY=VALUE` each, or parsed, applied to the frozen recipe.
        plugins: The installed plugins, for their components.

    Raises:
        RunError: this process does not see the run.
        RecipeError: an override is invalid.
    """
    run = locate_run(path).run
    is_branch = out is not None and out.resolve() != run.path.resolve()
    followed = RunFolder(out) if out is not None and is_branch else run
    lock = intact_lock(followed, warn=lambda text: None)
    resolved = resolve(lock, overrides=overrides, plugins=plugins)
    return OpenedRun(followed.path, resolved, write_yaml(resolved.plain()), is_branch=is_branch)


def _branch(
    location: RunLocation,
    out: Path,
    *,
    overrides: Overrides,
    plugins: PluginCatalogue,
    warn: Callable[[str], None],
) -> OpenedRun:
    source, target = location.run, RunFolder(out)
    if target.lock.exists():
        raise RunError(
            Problem(
                code="run-exists",
                message=f"{out} already holds a run",
                expected=f"a new folder for a branch of {source.path}, or --resume without --out",
                next_step=f"attnforge train --resume {out}",
            )
        )
    checkpoint = _checkpoint_of(location, warn=warn)
    lock = checkpoint.lock if location.checkpoint else intact_lock(source, warn=warn)
    resolved = resolve(lock, overrides=overrides, plugins=plugins)
    recipe_text = _recipe_text(source, resolved, overrides, plugins)
    with exclusive(out, purpose="branching", warn=warn):
        _copy_checkpoint(checkpoint, target)
        for name in ("metrics.jsonl", "samples/captions.json"):
            if (source.path / name).is_file():
                (target.path / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(source.path / name, target.path / name)
        # last, because a folder with a frozen recipe counts as a run
        RunFolder.create(out, recipe=recipe_text, lock=resolved.frozen())
        target.log_event("branched", run=str(source.path), checkpoint=checkpoint.folder.name)
    return OpenedRun(out, resolved, recipe_text, is_branch=True)


def _checkpoint_of(location: RunLocation, *, warn: Callable[[str], None]) -> Checkpoint:
    run = location.run
    if location.checkpoint is not None:
        read = read_checkpoint(run.checkpoints / location.checkpoint)
        if isinstance(read, Checkpoint):
            return read
        message = str(read)
        raise RunError(Problem("checkpoint-damaged", message, next_step=f"ls {run.checkpoints}"))
    phases = phases_of(intact_lock(run, warn=lambda text: None))
    search = newest_checkpoint(run.checkpoints, phases=phases, finite=True)
    for damage in search.passed_over:
        warn(f"skipping checkpoint {damage}")
    if search.checkpoint is not None:
        return search.checkpoint
    if search.passed_over:
        raise RunError(no_intact_checkpoint(run, search.passed_over))
    raise RunError(
        Problem(
            code="no-whole-checkpoint",
            message=f"run {run.path} has no checkpoint to branch from",
            expected="a run that has saved a checkpoint",
            next_step=f"attnforge train --resume {run.path}",
        )
    )


def _copy_checkpoint(checkpoint: Checkpoint, target: RunFolder) -> None:
    final = target.checkpoints / checkpoint.folder.name
    partial = target.checkpoints / f".partial-{final.name}"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(checkpoint.folder, partial)
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
    except OSError as error:
        raise RunError(
            Problem(
                code="checkpoint-not-written",
                message=f"checkpoint {checkpoint.folder} could not be copied to {target.path}: {error}",
                expected="a writable folder with room for the weights",
                next_step=f"df -h {target.path}",
            )
        ) from error


def _refuse_older(run: RunFolder, name: str, *, phases: Sequence[str]) -> None:
    newest = newest_checkpoint(run.checkpoints, phases=phases, finite=True).checkpoint
    if newest is None or newest.folder.name == name:
        return
    raise RunError(
        Problem(
            code="checkpoint-not-newest",
            message=f"{run.path} has a newer checkpoint than {name}: {newest.folder.name}; "
            "resuming there would discard the steps since",
            expected="another folder for a branch from the older checkpoint, or the run itself",
            next_step=f"attnforge train --resume {run.checkpoints / name} --out FOLDER",
        )
    )


def _recipe_text(
    run: RunFolder, resolved: ResolvedRecipe, overrides: Overrides, plugins: PluginCatalogue
) -> str:
    """The recipe as the user wrote it, if it still resolves to the same recipe; else the frozen one."""
    try:
        composed = compose(run.recipe, overrides=overrides, plugins=plugins)
        same = resolve(run.recipe, overrides=overrides, plugins=plugins).digest == resolved.digest
    except RecipeError:
        same = False
    if not same:
        return write_yaml(resolved.plain())
    return composed.text() if overrides else run.recipe.read_text(encoding="utf-8")
