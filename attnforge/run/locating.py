"""What a path is: a run, a checkpoint of one, something else, or nothing. Every command asks here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from attnforge.errors import Problem, RunError, nearest
from attnforge.names import read_step_name
from attnforge.run.folder import RunFolder
from attnforge.train.checkpoints.manifest import MANIFEST
from attnforge.train.checkpoints.search import saved_folders

_PRINTED = "the folder that `attnforge train` printed; runs are kept in runs/"


@dataclass(frozen=True, slots=True)
class RunLocation:
    """A run, and the checkpoint of it that was asked for."""

    run: RunFolder
    checkpoint: str | None = None
    """Its name, such as `gan-0001000`; None when the path is that of the run."""


def locate_run(path: Path) -> RunLocation:
    """The run at a path, or the run of the checkpoint there.

    Raises:
        RunError: there is neither; the error says what is there.
    """
    if not path.exists():
        raise RunError(_nothing(path))
    if path.is_file():
        raise RunError(_not_a_run(path, "is a file"))
    if is_checkpoint(path):
        return _checkpoint(path)
    if is_run(path):
        return RunLocation(RunFolder(path))
    raise RunError(_not_a_run(path, "has neither a recipe.lock.yaml nor checkpoints"))


def is_run(path: Path) -> bool:
    """Whether a folder is a run; one whose frozen recipe is lost still is, while it has checkpoints."""
    if is_checkpoint(path):
        return False
    run = RunFolder(path)
    return run.lock.is_file() or bool(saved_folders(run.checkpoints))


def is_checkpoint(path: Path) -> bool:
    """Whether a folder is a checkpoint, whole or not."""
    place = path.resolve()
    named = place.parent.name == "checkpoints" and read_step_name(place.name) is not None
    return path.is_dir() and (named or (path / MANIFEST).is_file())


def _checkpoint(path: Path) -> RunLocation:
    place = path.resolve()
    run = path.parent.parent if len(path.parts) > 2 and ".." not in path.parts else place.parent.parent
    if place.parent.name != "checkpoints" or not is_run(run):
        message = f"{path} is a checkpoint that lies outside its run"
        expected = "a checkpoint in RUN/checkpoints, since its run holds the rest"
        raise RunError(Problem("not-a-run", message, expected=expected, next_step="ls runs"))
    return RunLocation(RunFolder(run), place.name)


def _nothing(path: Path) -> Problem:
    around = _run_around(path)
    if around is not None and path.parent.resolve() == around.checkpoints.resolve():
        names = [folder.name for folder in saved_folders(around.checkpoints)]
        return Problem(
            code="no-such-checkpoint",
            message=f"run {around.path} has no checkpoint {path.name}",
            expected=_listed(path.name, names) or "a run that has saved",
            next_step=f"ls {around.checkpoints}",
        )
    parent = path.parent if path.parent.is_dir() else Path("runs")
    runs = _runs_in(parent) or _runs_in(Path("runs"))
    return Problem(
        code="no-such-run",
        message=f"there is no run folder {path}",
        expected=_listed(str(path), runs) or _PRINTED,
        next_step="ls runs" if parent == Path() else f"ls {parent}",
    )


def _not_a_run(path: Path, reason: str) -> Problem:
    around = _run_around(path)
    if around is not None:
        return Problem(
            code="not-a-run",
            message=f"{path} is a part of run {around.path}, and neither a run nor a checkpoint",
            expected=f"{around.path}, or one of its checkpoints",
            next_step=f"ls {around.checkpoints}",
        )
    return Problem(
        code="not-a-run",
        message=f"{path} is no run folder: it {reason}",
        expected=_PRINTED,
        next_step="ls runs",
    )


def _run_around(path: Path) -> RunFolder | None:
    """The run that a path lies in, if any."""
    for parent in path.parents:
        if parent.is_dir() and is_run(parent):
            return RunFolder(parent)
    return None


def _runs_in(folder: Path) -> list[str]:
    try:
        return sorted(str(path) for path in folder.iterdir() if path.is_dir() and is_run(path))
    except OSError:
        return []


def _listed(name: str, known: list[str], *, most: int = 8) -> str | None:
    if not known:
        return None
    close = nearest(name, known)
    rest = f" and {len(known) - most} more" if len(known) > most else ""
    names = f"{', '.join(known[:most])}{rest}"
    return f"{close}; there are {names}" if close else f"one of {names}"
