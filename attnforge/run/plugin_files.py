"""What plugins add to a checkpoint; a plugin that fails at it leaves the checkpoint whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from attnforge.plugin.hooks import Failure, Hooks

HOOK = "attnforge_checkpoint_save"


def let_plugins_add(hooks: Hooks, folder: Path, *, phase: str, step: int) -> None:
    """Call `attnforge_checkpoint_save`, and take out what a plugin had written when it raised.

    A folder is taken out as well: a checkpoint's manifest knows files alone.

    Args:
        hooks: Of the run.
        folder: Where the checkpoint's files are gathered.
        phase: The name of the phase.
        step: Steps done so far in the phase.
    """
    caller = hooks.caller(HOOK)
    if caller is None:
        return
    before = set(folder.iterdir())
    for plugin, outcome in caller.outcomes(folder=folder, phase=phase, step=step):
        added = set(folder.iterdir()) - before
        folders = sorted(path.name for path in added if path.is_dir())
        failure = outcome if isinstance(outcome, Failure) else None
        if failure is None and folders:
            error = IsADirectoryError(f"it added the folder {folders[0]}, but a checkpoint holds files only")
            failure = Failure(plugin, HOOK, error)
        if failure is None:
            before |= added
        else:
            _remove(added)
            hooks.charge(failure)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
