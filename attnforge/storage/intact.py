"""The frozen recipe of a run, from the run folder or, when that file is damaged, from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from attnforge.errors import Problem, RunError
from attnforge.recipe.node import Map, find
from attnforge.recipe.seal import is_intact
from attnforge.recipe.source import read
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.search import Damage, read_checkpoint, saved_folders
from attnforge.storage.folder import RunFolder, write_text


def intact_lock(run: RunFolder, *, warn: Callable[[str], None]) -> Path:
    """The frozen recipe of a run: its own file, or the copy in the checkpoint that was saved last.

    Args:
        run: The run.
        warn: Called when a copy is used.

    Raises:
        RunError: the run's own file is missing or damaged, and no intact checkpoint has a copy.
    """
    fault = _fault(run.lock)
    if fault is None:
        return run.lock
    copies = [
        checkpoint
        for folder in saved_folders(run.checkpoints)
        if isinstance(checkpoint := read_checkpoint(folder), Checkpoint) and _fault(checkpoint.lock) is None
    ]
    if not copies:
        raise RunError(
            Problem(
                code="lock-damaged",
                message=f"{run.lock} {fault}, and no intact checkpoint of the run has a copy",
                expected="the file as attnforge wrote it, from a copy of the run",
                next_step="attnforge train RECIPE --out FOLDER starts a new run",
            )
        )
    copy = max(copies, key=lambda checkpoint: checkpoint.manifest.saved).lock
    warn(f"{run.lock} {fault}; using the copy in {copy.parent}")
    return copy


def has_intact_lock(run: RunFolder) -> bool:
    """Whether the run's own frozen recipe is as attnforge wrote it."""
    return _fault(run.lock) is None


def restore_lock(run: RunFolder, *, warn: Callable[[str], None]) -> Path:
    """Replace a run's damaged frozen recipe by a checkpoint's copy; returns the path in the run folder.

    Raises:
        RunError: there is no copy.
    """
    copy = intact_lock(run, warn=warn)
    if copy != run.lock:
        write_text(run.lock, copy.read_text(encoding="utf-8"))
        run.log_event("restored", file=run.lock.name, checkpoint=copy.parent.name)
    return run.lock


def phases_of(lock: Path) -> list[str]:
    """The phases of a frozen recipe, in the order of training, without resolving its components."""
    root = read(lock, str(lock), [])
    phases = find(root, "phases") if root is not None else None
    return list(phases.entries) if isinstance(phases, Map) else []


def _fault(lock: Path) -> str | None:
    try:
        content = lock.read_bytes()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if is_intact(content):
        return None
    return "does not match the digest in its last line, so it was damaged or edited"


def no_intact_checkpoint(run: RunFolder, damages: Sequence[Damage]) -> Problem:
    """The problem of a run whose checkpoints are all damaged."""
    faults = "; ".join(f"{damage.folder.name}: {damage.fault}" for damage in damages)
    return Problem(
        code="no-whole-checkpoint",
        message=f"run {run.path} has checkpoints, but none of them can be used: {faults}",
        expected="an intact checkpoint, such as from a copy of the run; nothing was changed",
        next_step="attnforge train RECIPE --out FOLDER starts a new run",
    )
