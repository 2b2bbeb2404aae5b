"""A verified checkpoint, and how its weights and states are loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from attnforge.errors import Problem, RunError
from attnforge.interfaces import Task, Tokenizer
from attnforge.names import path_below
from attnforge.storage.checkpoints.finite import not_finite, tensors_in
from attnforge.storage.checkpoints.manifest import Manifest
from attnforge.storage.migrating import migrated_network, migrated_state, saved_versions
from attnforge.storage.optimizer_state import load_optimizer_state
from attnforge.storage.reading import reading

LOCK = "recipe.lock.yaml"
OPTIMIZERS = "optimizers.pt"
TOKENIZER = "tokenizer.json"
WEIGHTS = ".safetensors"
"""Extension of a network's file."""


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint on disk."""

    folder: Path
    manifest: Manifest

    @property
    def phase(self) -> str:
        return self.manifest.phase

    @property
    def step(self) -> int:
        """Steps of the phase completed."""
        return self.manifest.step

    @property
    def fingerprint(self) -> str:
        """Fingerprint of its vocabulary."""
        return self.manifest.vocabulary

    @property
    def digest(self) -> str:
        """One digest of all files."""
        text = json.dumps(dict(self.manifest.sha256), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def lock(self) -> Path:
        """The frozen recipe that it was trained with."""
        return self.folder / LOCK

    @cached_property
    def versions(self) -> dict[str, int]:
        """The versions of the components, as `kind/name`, that it was saved with."""
        return saved_versions(self.lock)

    def tokenizer_state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.folder / TOKENIZER).read_text(encoding="utf-8"))
        return state

    def load_tokenizer(self, tokenizer: Tokenizer) -> None:
        """Load the vocabulary into a tokenizer, migrated if its component has a newer version.

        Raises:
            RunError: the vocabulary cannot be migrated.
        """
        with reading(self.folder / TOKENIZER):
            state = migrated_state(tokenizer, self.tokenizer_state(), self.versions, source=self.folder)
            tokenizer.load_state(state)

    def networks(self) -> tuple[str, ...]:
        """Names of the networks in the checkpoint."""
        return self.manifest.networks

    @property
    def sampling_network(self) -> str:
        """The name of the network that generates images."""
        if self.manifest.sampling_network is not None:
            return self.manifest.sampling_network
        # checkpoints of version 0.1 do not say so
        return "generator-average" if "generator-average" in self.networks() else "generator"

    def load_network(self, name: str, network: nn.Module) -> bool:
        """Load the weights of network `name` into `network`, migrated if a component has a newer version.

        Returns:
            Whether they were migrated.

        Raises:
            RunError: the checkpoint lacks the network, its tensors do not fit, or they cannot be migrated.
        """
        if name not in self.networks():
            raise RunError(
                Problem(
                    code="checkpoint-lacks-network",
                    message=f"checkpoint {self.folder} has no network {name!r}",
                    expected=f"one of {', '.join(self.networks())}",
                )
            )
        file = path_below(self.folder, name, ending=WEIGHTS)
        with reading(file):
            state = load_file(file)
        migrated = migrated_network(network, state, self.versions, source=self.folder)
        try:
            network.load_state_dict(state if migrated is None else migrated)
        except RuntimeError as error:
            raise RunError(
                Problem(
                    code="checkpoint-misfit",
                    message=f"network {name!r} of checkpoint {self.folder} does not fit the recipe: {error}",
                    expected="the recipe that the checkpoint was trained with (recipe.lock.yaml in it)",
                )
            ) from error
        return migrated is not None

    def load_task(self, task: Task) -> tuple[str, ...]:
        """Load all networks of a task and the state of its optimizers.

        Optimizer state is keyed by the index of each weight, not by its name, so it cannot be migrated: the
        optimizers of migrated weights are reset.

        Returns:
            The names of the optimizers that were reset.

        Raises:
            RunError: the checkpoint lacks a network, its tensors do not fit, or they cannot be migrated.
        """
        migrated = [network for name, network in task.networks().items() if self.load_network(name, network)]
        changed = {id(weight) for network in migrated for weight in network.parameters()}
        kept, reset = {}, []
        for name, optimizer in task.optimizers().items():
            weights = (weight for group in optimizer.param_groups for weight in group["params"])
            if any(id(weight) in changed for weight in weights):
                reset.append(name)
            else:
                kept[name] = optimizer
        self.load_optimizers(kept)
        return tuple(reset)

    def load_optimizers(self, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Load the state of optimizers.

        Raises:
            RunError: the checkpoint has no state for one of them, or its state is of other weights.
        """
        with reading(self.folder / OPTIMIZERS):
            states = self._optimizer_states()
        for name, optimizer in optimizers.items():
            try:
                load_optimizer_state(optimizer, states[name])
            except (KeyError, ValueError) as error:
                reason = "it is missing" if isinstance(error, KeyError) else str(error)
                raise RunError(
                    Problem(
                        code="checkpoint-misfit",
                        message=f"checkpoint {self.folder} has no state for optimizer {name!r}: {reason}",
                        expected="the recipe that the checkpoint was trained with (recipe.lock.yaml in it)",
                    )
                ) from error

    def not_finite(self) -> str | None:
        """The first file and tensor that is not finite or cannot be read, or None.

        It takes as long as loading everything on the CPU.
        """
        if OPTIMIZERS not in self.manifest.sha256:
            return "it has no optimizer states: it was exported for generating, not for training"
        for name in self.networks():
            file = path_below(self.folder, name, ending=WEIGHTS)
            try:
                tensors = load_file(file)
            except (OSError, SafetensorError) as error:
                return f"{file.name} cannot be read: {error}"
            names = (f"{name}/{tensor}" for tensor in not_finite(tensors.items()))
            if bad := [name for name in names if name not in self.manifest.constants]:
                return f"{file.name} has values that are not finite, in {bad[0]}"
        try:
            states = self._optimizer_states()
        except Exception as error:  # what torch raises for other files is not specified
            return f"{OPTIMIZERS} cannot be read: {type(error).__name__}"
        bad = not_finite(tensors_in(states, "optimizer"))
        return f"{OPTIMIZERS} has values that are not finite, in {bad[0]}" if bad else None

    def _optimizer_states(self) -> dict[str, Any]:
        states: dict[str, Any] = torch.load(self.folder / OPTIMIZERS, map_location="cpu", weights_only=True)
        return states
