"""Finds intact checkpoints, and why others are skipped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attnforge.names import read_step_name, step_name
from attnforge.storage.checkpoints.checkpoint import TOKENIZER, WEIGHTS, Checkpoint
from attnforge.storage.checkpoints.manifest import MANIFEST, Manifest, ManifestError, read_manifest


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
    """The result of a search for the newest checkpoint."""

    checkpoint: Checkpoint | None
    passed_over: tuple[Damage, ...]
    """Newer checkpoints, skipped because they are damaged; the newest first."""


def newest_checkpoint(
    checkpoints: Path,
    *,
    phases: Sequence[str],
    holding: frozenset[str] = frozenset(),
    finite: bool = False,
) -> Search:
    """The newest intact checkpoint.

    Damaged checkpoints are skipped, so a bad disk block costs one interval of training and not the run.

    Args:
        checkpoints: The folder of a run's checkpoints.
        phases: The phases in the order of training; the last one with a checkpoint counts.
        holding: Networks that it must have; checkpoints without them are ignored.
        finite: Whether to skip checkpoints whose weights or optimizer states are not finite.
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
    """All intact checkpoints with these networks, in the order of training; and the damaged ones."""
    intact: list[Checkpoint] = []
    damaged: list[Damage] = []
    for folder in reversed(list(_newest_first(checkpoints, phases))):
        match read_checkpoint(folder, holding=holding):
            case Checkpoint() as checkpoint:
                intact.append(checkpoint)
            case Damage() as damage:
                damaged.append(damage)
    return intact, damaged


def read_checkpoint(folder: Path, *, holding: frozenset[str] = frozenset()) -> Checkpoint | Damage | None:
    """The checkpoint in `folder` if it matches its manifest; None if it lacks the networks in `holding`."""
    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        return Damage(folder, f"{MANIFEST} {error}")
    if not holding <= held(manifest):
        return None
    fault = _fault(folder, manifest)
    return Checkpoint(folder, manifest) if fault is None else Damage(folder, fault)


def held(manifest: Manifest) -> set[str]:
    """The networks of a checkpoint; an exported one has the average as its only `generator`."""
    generator = {"generator"} if manifest.sampling_network is not None else set()
    return {*manifest.networks, *generator}


def folders_of(checkpoints: Path, *, phase: str) -> list[tuple[int, Path]]:
    """The checkpoints of a phase, intact or not, by step."""
    return sorted(
        (step, folder) for folder, (name, step) in saved_folders(checkpoints).items() if name == phase
    )


def saved_folders(checkpoints: Path) -> dict[Path, tuple[str, int]]:
    """Every folder with a checkpoint's name, intact or not, with its phase and step."""
    if not checkpoints.is_dir():
        return {}
    named = ((folder, read_step_name(folder.name)) for folder in sorted(checkpoints.iterdir()))
    return {folder: name for folder, name in named if name is not None and folder.is_dir()}


def digest_of_file(file: Path) -> str:
    """The sha256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _newest_first(checkpoints: Path, phases: Sequence[str]) -> Iterator[Path]:
    for phase in reversed(phases):
        for _, folder in reversed(folders_of(checkpoints, phase=phase)):
            yield folder


def _fault(folder: Path, manifest: Manifest) -> str | None:
    """How a checkpoint differs from its manifest, or None."""
    name = step_name(manifest.phase, manifest.step)
    if folder.name != name:
        return f"{MANIFEST} belongs to {name}"
    # file managers and network file systems leave hidden files anywhere
    present = {file.name for file in folder.iterdir() if not file.name.startswith(".")} - {MANIFEST}
    if unlisted := present - manifest.sha256.keys():
        return f"{min(unlisted)} is not in the manifest"
    return fault_of_files(folder, manifest)


def fault_of_files(folder: Path, manifest: Manifest) -> str | None:
    """How the files that a manifest lists differ from it, or None; other files may lie beside them.

    A checkpoint without a file of optimizer states was exported for generating.
    """
    if unsafe := [name for name in manifest.sha256 if Path(name).name != name]:
        return f"{MANIFEST} lists {unsafe[0]!r}, which is not the name of a file"
    needed = {TOKENIZER, *(f"{network}{WEIGHTS}" for network in manifest.networks)}
    if unlisted := needed - manifest.sha256.keys():
        return f"{min(unlisted)} is not in the manifest"
    if missing := [name for name in sorted(manifest.sha256) if not (folder / name).is_file()]:
        return f"{missing[0]} is missing"
    for file, digest in manifest.sha256.items():
        try:
            if digest_of_file(folder / file) != digest:
                return f"{file} is damaged"
        except OSError as error:
            return f"{file} cannot be read: {error.strerror or error}"
    return None
