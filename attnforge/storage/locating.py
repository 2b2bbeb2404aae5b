"""Resolves the path that a command is given to a run or to one of its checkpoints.

`RUN@best` is the run's best checkpoint by the metric of its recipe's `training.keep_best`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from attnforge.errors import Problem, RunError, nearest
from attnforge.names import read_step_name
from attnforge.storage.best import read_best
from attnforge.storage.checkpoints.manifest import MANIFEST
from attnforge.storage.checkpoints.search import saved_folders
from attnforge.storage.folder import RunFolder

BEST = "@best"
"""Behind the path of a run, names its best checkpoint."""
_EXPECTED = "the folder that `attnforge train` printed; runs are kept in runs/"


@dataclass(frozen=True, slots=True)
class RunLocation:
    """A run, and optionally one of its checkpoints."""

    run: RunFolder
    checkpoint: str | None = None
    """The checkpoint's name, such as `gan-0001000`; None when the path is that of the run."""


def locate_run(path: Path) -> RunLocation:
    """The run or the checkpoint at a path.

    Raises:
        RunError: the path is neither; the error says what it is.
    """
    if path.name.endswith(BEST) and not path.exists():
        return _best_of(path.with_name(path.name.removesuffix(BEST)))
    if not path.exists():
        raise RunError(_missing(path))
    if path.is_file():
        raise RunError(_not_a_run(path, "is a file"))
    if is_checkpoint(path):
        return _checkpoint(path)
    if is_run(path):
        return RunLocation(RunFolder(path))
    raise RunError(_not_a_run(path, "has neither a recipe.lock.yaml nor checkpoints"))


def is_run(path: Path) -> bool:
    """Whether a folder is a run; one without its frozen recipe still is if it has checkpoints."""
    if is_checkpoint(path):
        return False
    run = RunFolder(path)
    return run.lock.is_file() or bool(saved_folders(run.checkpoints))


def is_checkpoint(path: Path) -> bool:
    """Whether a folder is a checkpoint, intact or not."""
    folder = path.resolve()
    has_name = folder.parent.name == "checkpoints" and read_step_name(folder.name) is not None
    return path.is_dir() and (has_name or (path / MANIFEST).is_file())


def _checkpoint(path: Path) -> RunLocation:
    folder = path.resolve()
    run = path.parent.parent if len(path.parts) > 2 and ".." not in path.parts else folder.parent.parent
    if folder.parent.name != "checkpoints" or not is_run(run):
        message = f"{path} is a checkpoint outside of its run"
        expected = "a checkpoint in RUN/checkpoints; one alone can be sampled, or imported as a run"
        step = f"attnforge import hub {path} -o RUN"
        raise RunError(Problem("not-a-run", message, expected=expected, next_step=step))
    return RunLocation(RunFolder(run), folder.name)


def _best_of(path: Path) -> RunLocation:
    if path.is_file() or is_checkpoint(path):
        raise RunError(_not_a_run(path, f"cannot have a best checkpoint: `{BEST}` follows the path of a run"))
    run = locate_run(path).run
    name = read_best(run).checkpoint
    if not (run.checkpoints / name).is_dir():
        raise RunError(_missing(run.checkpoints / name))
    return RunLocation(run, name)


def _missing(path: Path) -> Problem:
    run = enclosing_run(path)
    if run is not None and path.parent.resolve() == run.checkpoints.resolve():
        names = [folder.name for folder in saved_folders(run.checkpoints)]
        return Problem(
            code="no-such-checkpoint",
            message=f"run {run.path} has no checkpoint {path.name}",
            expected=_choices(path.name, names) or "a run that has saved a checkpoint",
            next_step=f"ls {run.checkpoints}",
        )
    parent = path.parent if path.parent.is_dir() else Path("runs")
    runs = _runs_in(parent) or _runs_in(Path("runs"))
    return Problem(
        code="no-such-run",
        message=f"run folder {path} does not exist",
        expected=_choices(str(path), runs) or _EXPECTED,
        next_step="ls runs" if parent == Path() else f"ls {parent}",
    )


def _not_a_run(path: Path, reason: str) -> Problem:
    run = enclosing_run(path)
    if run is not None:
        return Problem(
            code="not-a-run",
            message=f"{path} is a part of run {run.path}, but neither a run nor a checkpoint",
            expected=f"{run.path}, or one of its checkpoints",
            next_step=f"ls {run.checkpoints}",
        )
    return Problem(
        code="not-a-run",
        message=f"{path} is not a run folder: it {reason}",
        expected=_EXPECTED,
        next_step="ls runs",
    )


def enclosing_run(path: Path) -> RunFolder | None:
    """The run that contains a path, if any."""
    for parent in path.parents:
        if parent.is_dir() and is_run(parent):
            return RunFolder(parent)
    return None


def _runs_in(folder: Path) -> list[str]:
    try:
        return sorted(str(path) for path in folder.iterdir() if path.is_dir() and is_run(path))
    except OSError:
        return []


def _choices(name: str, known: list[str], *, limit: int = 8) -> str | None:
    if not known:
        return None
    close = nearest(name, known)
    rest = f" and {len(known) - limit} more" if len(known) > limit else ""
    names = f"{', '.join(known[:limit])}{rest}"
    return f"{close}; there are {names}" if close else f"one of {names}"
