"""Checkpoints without a run: what generating needs, in a folder of its own, for other people.

The folder has the files of a checkpoint, without discriminators and optimizer states, and others beside them:
a model card, images. It needs no name, and its manifest has the digest of each file of the checkpoint.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from attnforge.errors import Problem, RunError
from attnforge.names import read_step_name, step_name
from attnforge.storage.checkpoints.checkpoint import LOCK, TOKENIZER, WEIGHTS, Checkpoint
from attnforge.storage.checkpoints.manifest import MANIFEST, ManifestError, read_manifest
from attnforge.storage.checkpoints.search import fault_of_files
from attnforge.storage.folder import RunFolder, write_text
from attnforge.storage.write_errors import write_failure

TRAINING = ("discriminator", "loss-", "same-side")
"""Prefixes of the names of networks that only training needs."""


def read_alone(folder: Path) -> Checkpoint | None:
    """The checkpoint in a folder outside of any run; None where there is none.

    Raises:
        RunError: it is damaged.
    """
    if not (folder / MANIFEST).is_file() or _is_in_a_run(folder):
        return None
    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        raise RunError(_damaged(folder, f"{MANIFEST} {error}")) from error
    if fault := fault_of_files(folder, manifest):
        raise RunError(_damaged(folder, fault))
    return Checkpoint(folder, manifest)


def write_alone(checkpoint: Checkpoint, folder: Path) -> list[Path]:
    """Copy what generating needs of a checkpoint into a new folder, and return the paths.

    Raises:
        RunError: the folder has files already, or cannot be written.
    """
    refuse_occupied(folder)
    networks = generating_networks(checkpoint)
    names = [LOCK, TOKENIZER, *(f"{network}{WEIGHTS}" for network in networks)]
    manifest = replace(
        checkpoint.manifest,
        networks=networks,
        data={},
        constants=tuple(name for name in checkpoint.manifest.constants if name.split("/")[0] in networks),
        sha256={name: checkpoint.manifest.sha256[name] for name in names},
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copyfile(checkpoint.folder / name, folder / name)
        write_text(folder / MANIFEST, manifest.text())
    except OSError as error:
        raise not_written(folder, error) from error
    return [folder / name for name in (*names, MANIFEST)]


def import_alone(folder: Path, out: Path, *, recipe: str) -> RunFolder:
    """Create a run from a checkpoint alone, which every command except `train --resume` accepts.

    Args:
        folder: The folder with the checkpoint.
        out: The run folder to create.
        recipe: The recipe as people read it, as YAML.

    Raises:
        RunError: there is no checkpoint in `folder`, or it is damaged, or `out` holds a run or cannot be
            written.
    """
    checkpoint = read_alone(folder)
    if checkpoint is None:
        what = f"has no {MANIFEST} of an exported run" if folder.exists() else "does not exist"
        message = f"{folder} {what}"
        expected = "a folder that `attnforge export hub` or `attnforge export safetensors` wrote"
        raise RunError(Problem("not-a-run", message, expected=expected))
    run = RunFolder(out)
    if run.lock.exists():
        message = f"{out} already contains a run"
        raise RunError(Problem("run-exists", message, expected="a new folder", next_step="ls runs"))
    manifest, captions = checkpoint.manifest, folder / "samples" / "captions.json"
    target = run.checkpoints / step_name(manifest.phase, manifest.step)
    try:
        target.mkdir(parents=True)
        for name in (*manifest.sha256, MANIFEST):
            shutil.copyfile(folder / name, target / name)
        if captions.is_file():
            run.samples.mkdir(exist_ok=True)
            shutil.copyfile(captions, run.samples / captions.name)
        run.samples.mkdir(exist_ok=True)
        write_text(run.recipe, recipe)
        # last, because a folder with a frozen recipe counts as a run
        write_text(run.lock, checkpoint.lock.read_text(encoding="utf-8"))
    except OSError as error:
        raise not_written(out, error) from error
    run.log_event("imported", folder=str(folder), checkpoint=target.name)
    return run


def generating_networks(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The networks that generating may need: no discriminators, and one of both generators."""
    sampled = checkpoint.sampling_network
    unused = {"generator"} - {sampled}
    return tuple(
        name for name in checkpoint.networks() if not name.startswith(TRAINING) and name not in unused
    )


def refuse_occupied(folder: Path) -> None:
    """Refuse to write into a folder that has files, some of which may have been edited.

    Raises:
        RunError: it has files, or is one.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        what = "is a file" if folder.is_file() else "has files already"
        message = f"{folder} {what}, and exporting replaces nothing"
        raise RunError(Problem("export-exists", message, expected="a new folder", next_step=f"ls {folder}"))


def not_written(folder: Path, error: OSError) -> RunError:
    """The error of a folder that cannot be written."""
    message = f"{folder} cannot be written: {write_failure(error) or error}"
    expected = "a writable folder with room for the weights"
    return RunError(
        Problem("export-not-written", message, expected=expected, next_step=f"df -h {folder.parent}")
    )


def _is_in_a_run(folder: Path) -> bool:
    resolved = folder.resolve()
    return resolved.parent.name == "checkpoints" and read_step_name(resolved.name) is not None


def _damaged(folder: Path, fault: str) -> Problem:
    expected = "the folder as attnforge wrote it, from another copy"
    return Problem("checkpoint-damaged", f"the exported run {folder}: {fault}", expected=expected)
