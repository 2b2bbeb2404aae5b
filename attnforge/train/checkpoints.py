"""Checkpoints: a folder that is whole or not there at all.

    checkpoints/gan-0001000/
        <network>.safetensors      weights and buffers
        optimizers.pt              read with `weights_only`
        tokenizer.json             vocabulary, with its fingerprint in the manifest
        manifest.json              phase, step, sha256 of every file

A checkpoint is written beside its final name, flushed to the disk and moved into place with one rename,
so a run that is killed while saving keeps the previous one. Nothing in it is executed when it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from attnforge import __version__
from attnforge.errors import Problem, RunError
from attnforge.interfaces import Task, Tokenizer
from attnforge.train.raising import raised_network, raised_state, saved_versions
from attnforge.train.reading import reading
from attnforge.train.write_errors import write_failure

NAME = re.compile(r"(?P<phase>[\w-]+)-(?P<step>\d{7,})")
KEYS = frozenset({"phase", "step", "networks", "vocabulary", "sha256"})
"""What a manifest must have."""
REPLACED = ".replaced-"
"""Begins the name of a checkpoint that is being saved anew."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk that has been verified."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def phase(self) -> str:
        return str(self.manifest["phase"])

    @property
    def step(self) -> int:
        """How many steps of the phase it holds."""
        return int(self.manifest["step"])

    @property
    def fingerprint(self) -> str:
        """Fingerprint of its vocabulary."""
        return str(self.manifest["vocabulary"])

    @cached_property
    def versions(self) -> dict[str, int]:
        """The versions of the components, as `kind/name`, that it was saved with."""
        return saved_versions(self.folder / "recipe.lock.yaml")

    def tokenizer_state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.folder / "tokenizer.json").read_text(encoding="utf-8"))
        return state

    def load_tokenizer(self, tokenizer: Tokenizer) -> None:
        """Give a tokenizer the vocabulary, migrated where its component's version has risen since.

        Raises:
            RunError: the vocabulary cannot be migrated.
        """
        with reading(self.folder / "tokenizer.json"):
            state = raised_state(tokenizer, self.tokenizer_state(), self.versions, source=self.folder)
            tokenizer.load_state(state)

    def networks(self) -> tuple[str, ...]:
        """Names of the networks whose weights it holds."""
        return tuple(self.manifest["networks"])

    def load_network(self, name: str, network: nn.Module) -> bool:
        """Put the weights of network `name` into `network`, migrated where a component's version has risen.

        Returns:
            Whether a migration changed them.

        Raises:
            RunError: the checkpoint lacks the network, its tensors do not fit, or they cannot be migrated.
        """
        if name not in self.networks():
            raise RunError(
                Problem(
                    code="checkpoint-lacks-network",
                    message=f"checkpoint {self.folder} holds no network {name!r}",
                    expected=f"one of {', '.join(self.networks())}",
                )
            )
        file = self.folder / f"{name}.safetensors"
        with reading(file):
            state = load_file(file)
        raised = raised_network(network, state, self.versions, source=self.folder)
        try:
            network.load_state_dict(state if raised is None else raised)
        except RuntimeError as error:
            raise RunError(
                Problem(
                    code="checkpoint-misfit",
                    message=f"network {name!r} of checkpoint {self.folder} does not fit the recipe: {error}",
                    expected="the recipe that the checkpoint was trained with (recipe.lock.yaml beside it)",
                )
            ) from error
        return raised is not None

    def load_task(self, task: Task, device: torch.device) -> tuple[str, ...]:
        """Put back all networks of a task and its optimisers' moments.

        Moments are kept by the place of each weight and know no names, so no migration can follow them: an
        optimiser of weights that a migration changed begins anew.

        Returns:
            The names of the optimisers that begin anew.

        Raises:
            RunError: the checkpoint lacks a network, its tensors do not fit, or they cannot be migrated.
        """
        raised = [network for name, network in task.networks().items() if self.load_network(name, network)]
        changed = {id(weight) for network in raised for weight in network.parameters()}
        kept, anew = {}, []
        for name, optimizer in task.optimizers().items():
            weights = (weight for group in optimizer.param_groups for weight in group["params"])
            if any(id(weight) in changed for weight in weights):
                anew.append(name)
            else:
                kept[name] = optimizer
        self.load_optimizers(kept, device)
        return tuple(anew)

    def load_optimizers(self, optimizers: Mapping[str, torch.optim.Optimizer], device: torch.device) -> None:
        """Put back the optimisers' moments."""
        file = self.folder / "optimizers.pt"
        with reading(file):
            states = torch.load(file, map_location=device, weights_only=True)
            for name, optimizer in optimizers.items():
                optimizer.load_state_dict(states[name])


def save_checkpoint(
    checkpoints: Path,
    *,
    phase: str,
    step: int,
    networks: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    tokenizer: Tokenizer,
    keep: int,
    add: Callable[[Path], object] | None = None,
) -> Path:
    """Write a checkpoint and remove the phase's oldest beyond `keep`; gives its folder.

    `add` may put further files into the folder that it is given; they count as part of the checkpoint.

    Raises:
        RunError: the disk is full or the folder cannot be written; earlier checkpoints are untouched.
    """
    final = checkpoints / f"{phase}-{step:07d}"
    partial = checkpoints / f".partial-{final.name}-{os.getpid()}"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, network in networks.items():
            save_file(_own_storage(network.state_dict()), partial / f"{name}.safetensors")
        with (partial / "optimizers.pt").open("wb") as stream:  # whose errors say what the disk said
            torch.save({name: one.state_dict() for name, one in optimizers.items()}, stream)
        (partial / "tokenizer.json").write_text(
            json.dumps(tokenizer.state(), ensure_ascii=False), encoding="utf-8"
        )
        if add is not None:
            add(partial)
        manifest = {
            "attnforge": __version__,
            "phase": phase,
            "step": step,
            "networks": list(networks),
            "vocabulary": tokenizer.fingerprint,
            "sha256": {file.name: _digest(file) for file in sorted(partial.iterdir())},
        }
        (partial / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for file in partial.iterdir():
            _flush(file)
        _move_into_place(partial, final)
        _flush(checkpoints)
    except Exception as error:
        reason = write_failure(error)
        if reason is None:  # such as no memory for the copy, or a worker's death meanwhile
            raise
        raise RunError(
            Problem(
                code="checkpoint-not-written",
                message=f"checkpoint {final} could not be written: {reason}",
                expected="a writable folder with room for the weights; earlier checkpoints are untouched",
                next_step=f"df -h {checkpoints}",
            )
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    for old in _named(checkpoints, phase)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def latest_checkpoint(checkpoints: Path, *, phase: str) -> Checkpoint | None:
    """The newest checkpoint of a phase whose files are all whole, or None when there is none.

    Damaged checkpoints are passed over, so a broken disk block costs one interval and not the run.
    """
    for folder in reversed(_named(checkpoints, phase)):
        if (checkpoint := open_checkpoint(folder)) is not None:
            return checkpoint
    return None


def open_checkpoint(folder: Path) -> Checkpoint | None:
    """The checkpoint in `folder` if every file has the sha256 of the manifest, else None."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        whole = manifest.keys() >= KEYS and all(
            _digest(folder / name) == digest for name, digest in manifest["sha256"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Checkpoint(folder=folder, manifest=manifest) if whole else None


def remove_partial(checkpoints: Path) -> None:
    """Remove what a killed run left half-written, and put back what it was about to replace."""
    for folder in checkpoints.glob(f"{REPLACED}*"):
        final = checkpoints / folder.name.removeprefix(REPLACED)
        if not final.exists():
            folder.rename(final)
    for folder in (*checkpoints.glob(".partial-*"), *checkpoints.glob(f"{REPLACED}*")):
        shutil.rmtree(folder, ignore_errors=True)


def _move_into_place(partial: Path, final: Path) -> None:
    if not final.exists():
        partial.rename(final)
        return
    aside = final.with_name(REPLACED + final.name)  # no moment at which neither of the two is on the disk
    shutil.rmtree(aside, ignore_errors=True)
    final.rename(aside)
    try:
        partial.rename(final)
    except OSError:
        aside.rename(final)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _named(checkpoints: Path, phase: str) -> list[Path]:
    found = []
    for folder in checkpoints.glob(f"{phase}-*"):
        match = NAME.fullmatch(folder.name)
        if match and match["phase"] == phase:
            found.append((int(match["step"]), folder))
    return [folder for _, folder in sorted(found)]


def _own_storage(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # safetensors refuses tensors that share memory or are strided
    return {name: tensor.detach().contiguous().clone() for name, tensor in state.items()}


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
