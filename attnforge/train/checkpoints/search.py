"""Finds whole checkpoints, and says why others are passed over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attnforge.names import read_step_name, step_name
from attnforge.train.checkpoints.checkpoint import OPTIMIZERS, TOKENIZER, WEIGHTS, Checkpoint
from attnforge.train.checkpoints.manifest import MANIFEST, Manifest, ManifestError, read_manifest


@dataclass(frozen=True, slots=True)
class Damage:
    """Why a checkpoint on disk cannot be used."""

    folder: Path
    fault: str
    """The file and what is wrong with it, such as `text.safetensors is damaged`."""

    def __str__(self) -> str:
        return f"{self.folder}: {self.fault}"


@dataclass(frozen=True, slots=True)
class Search:
    """What a search for the newest checkpoint gave."""

    checkpoint: Checkpoint | None
    passed_over: tuple[Damage, ...]
    """The newer ones, which are damaged; the newest first."""


def newest_checkpoint(
    checkpoints: Path,
    *,
    phases: Sequence[str],
    holding: frozenset[str] = frozenset(),
    finite: bool = False,
) -> Search:
    """The newest checkpoint whose files are all whole.

    Damaged checkpoints are passed over, so a broken disk block costs one interval and not the run.

    Args:
        checkpoints: The folder of a run's checkpoints.
        phases: The phases in the order of training; of the last one that has a checkpoint, the highest step.
        holding: Networks that it must hold; checkpoints of others are not looked at.
        finite: Whether to pass over checkpoints whose weights or optimizer states are not finite.
    """
    passed_over: list[Damage] = []
    for folder in _newest_first(checkpoints, phases):
        checkpoint = read_checkpoint(folder, holding=holding)
        if isinstance(checkpoint, Checkpoint) and finite and (fault := checkpoint.not_finite()):
            checkpoint = Damage(folder, fault)
        if isinstance(checkpoint, Checkpoint):
            return Search(checkpoint, tuple(passed_over))
        if checkpoint is not None:
            passed_over.append(checkpoint)
    return Search(None, tuple(passed_over))


def every_checkpoint(
    checkpoints: Path, *, phases: Sequence[str], holding: frozenset[str] = frozenset()
) -> tuple[list[Checkpoint], list[Damage]]:
    """All checkpoints that are whole and hold these networks, in the order of training; and the damaged."""
    whole: list[Checkpoint] = []
    damaged: list[Damage] = []
    for folder in reversed(list(_newest_first(checkpoints, phases))):
        match read_checkpoint(folder, holding=holding):
            case Checkpoint() as checkpoint:
                whole.append(checkpoint)
            case Damage() as damage:
                damaged.append(damage)
    return whole, damaged


def read_checkpoint(folder: Path, *, holding: frozenset[str] = frozenset()) -> Checkpoint | Damage | None:
    """The checkpoint in `folder` if all of it is as its manifest says; None when it holds other networks."""
    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        return Damage(folder, f"{MANIFEST} {error}")
    if not holding <= set(manifest.networks):
        return None
    fault = _fault(folder, manifest)
    return Checkpoint(folder, manifest) if fault is None else Damage(folder, fault)


def folders_of(checkpoints: Path, *, phase: str) -> list[tuple[int, Path]]:
    """The checkpoints of a phase, whole or not, by step."""
    return sorted(
        (place[1], folder) for folder, place in saved_folders(checkpoints).items() if place[0] == phase
    )


def saved_folders(checkpoints: Path) -> dict[Path, tuple[str, int]]:
    """Every folder that has a checkpoint's name, whole or not, with its phase and step."""
    if not checkpoints.is_dir():
        return {}
    named = ((folder, read_step_name(folder.name)) for folder in sorted(checkpoints.iterdir()))
    return {folder: place for folder, place in named if place is not None and folder.is_dir()}


def digest_of_file(file: Path) -> str:
    """The sha256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _newest_first(checkpoints: Path, phases: Sequence[str]) -> Iterator[Path]:
    for phase in reversed(phases):
        for _, folder in reversed(folders_of(checkpoints, phase=phase)):
            yield folder


def _fault(folder: Path, manifest: Manifest) -> str | None:
    """What of a checkpoint is not as its manifest says, or None."""
    name = step_name(manifest.phase, manifest.step)
    if folder.name != name:
        return f"{MANIFEST} is that of {name}"
    needed = {OPTIMIZERS, TOKENIZER, *(f"{network}{WEIGHTS}" for network in manifest.networks)}
    if unlisted := needed - manifest.sha256.keys():
        return f"{min(unlisted)} is not in the manifest"
    # hidden files are what file managers and network file systems leave anywhere
    there = {file.name for file in folder.iterdir() if not file.name.startswith(".")} - {MANIFEST}
    if missing := manifest.sha256.keys() - there:
        return f"{min(missing)} is missing"
    if unlisted := there - manifest.sha256.keys():
        return f"{min(unlisted)} is not in the manifest"
    for file, digest in manifest.sha256.items():
        try:
            if digest_of_file(folder / file) != digest:
                return f"{file} is damaged"
        except OSError as error:
            return f"{file} cannot be read: {error.strerror or error}"
    return None
