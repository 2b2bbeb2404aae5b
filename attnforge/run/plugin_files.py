"""Files that plugins add to a checkpoint; a plugin that raises leaves the checkpoint intact."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

from attnforge.plugin.hooks import Failure, Hooks

HOOK = "attnforge_checkpoint_save"
TEMPORARY_PREFIX = ".partial-added-"
"""Prefix of the folder that a plugin writes into; after a kill it is removed like any partial checkpoint."""


def collect_plugin_files(hooks: Hooks, folder: Path, *, own: Collection[str], phase: str, step: int) -> None:
    """Call `attnforge_checkpoint_save` and collect the files that each plugin adds.

    A plugin writes into an empty folder of its own before the checkpoint's own files exist, so it can change
    neither them nor those of another plugin. Files of a plugin that raises are dropped, and so are those of
    one that adds a folder: a checkpoint's manifest lists only files.

    Args:
        hooks: The hooks of the run.
        folder: Where the added files are collected.
        own: Names of the checkpoint's own files, which no plugin may add.
        phase: The name of the phase.
        step: Steps done so far in the phase.
    """
    caller = hooks.caller(HOOK)
    for implementation in caller.each() if caller is not None else ():
        with TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=folder.parent) as added:
            for plugin, outcome in implementation.outcomes(folder=Path(added), phase=phase, step=step):
                failure = outcome if isinstance(outcome, Failure) else None
                error = None if failure is not None else _fault(Path(added), folder, own)
                if error is not None:
                    failure = Failure(plugin, HOOK, error)
                if failure is not None:
                    hooks.report(failure)
                    continue
                for file in sorted(Path(added).iterdir()):
                    file.rename(folder / file.name)


def _fault(added: Path, folder: Path, own: Collection[str]) -> OSError | None:
    """Why a checkpoint cannot take what a plugin added."""
    for path in sorted(added.iterdir()):
        if path.is_symlink() or not path.is_file():
            return IsADirectoryError(f"it added the folder {path.name}, but a checkpoint holds files only")
        if path.name in own or (folder / path.name).exists():
            return FileExistsError(f"it added {path.name}, which the checkpoint has already")
    return None
