"""The parts of a run, loaded from a checkpoint."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

import torch
from torch import nn

from attnforge.build.parts import Parts
from attnforge.errors import RecipeError
from attnforge.interfaces import Tokenizer
from attnforge.recipe.schema import Recipe
from attnforge.sampling.region_maps import RegionMaps, matches_regions
from attnforge.storage.checkpoints.checkpoint import Checkpoint

Part = TypeVar("Part")
GENERATING = frozenset({"text", "image", "generator"})
"""Parts whose weights a checkpoint must have; those of others, such as losses, it may have."""


class SavedParts(Parts):
    """Networks in evaluation mode, each built and loaded on first use.

    Generating uses no image encoder, whose library may take seconds to import.

    Args:
        recipe: The assembled recipe.
        tokenizer: With its vocabulary.
        device: Where networks live.
        checkpoint: The checkpoint with the weights.
        warn: Called when words cannot be found in images because a part is missing on this machine.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        tokenizer: Tokenizer,
        device: torch.device,
        checkpoint: Checkpoint,
        warn: Callable[[str], None],
    ) -> None:
        extras = checkpoint.manifest.extras
        super().__init__(recipe, tokenizer=tokenizer, device=device, extras=extras)
        self.checkpoint = checkpoint
        self._warn = warn
        self._networks: dict[str, nn.Module] = {}
        # threads that generate may be the first to use a part
        self._building = threading.RLock()

    @cached_property
    def regions(self) -> RegionMaps | None:
        """Finds words in images; None when the recipe does not match words with regions.

        None, too, when a part that this needs is missing here, since images are generated without it.
        """
        if not matches_regions(self.recipe):
            return None
        with self._building:
            try:
                return self._matched_regions()
            except (RecipeError, ImportError) as error:
                reason = error.problems[0].message if isinstance(error, RecipeError) else error
                self._warn(f"images have no maps of words over their regions: {reason}")
                return None

    def _matched_regions(self) -> RegionMaps | None:
        # a task rejects frozen encoders; it does not train them here
        encoders = [part for part in (self.text, self.image) if isinstance(part, nn.Module)]
        for encoder in encoders:
            encoder.requires_grad_(True)
        try:
            return RegionMaps.of(self)
        finally:
            for encoder in encoders:
                encoder.eval().requires_grad_(False)

    @cached_property
    def image_size(self) -> int:
        """Side in pixels of the largest images; no weights are loaded for it, which a checkpoint may lack."""
        return self._shapes.image_size

    @property
    def unconditional(self) -> bool:
        """Whether every discriminator can classify images without a prompt; no weights are needed to ask."""
        return self._shapes.unconditional

    @property
    def trains_image_encoder(self) -> bool:
        """Whether the recipe leaves any weight of its image encoder free; no weights are needed to ask."""
        image = self._shapes.image
        return isinstance(image, nn.Module) and any(weight.requires_grad for weight in image.parameters())

    @property
    def _shapes(self) -> Parts:
        """The parts as they are built, without data."""
        return Parts(self.recipe, tokenizer=self.tokenizer, device=torch.device("meta"), extras=self.extras)

    def task_network(self, name: str) -> nn.Module | None:
        """A network of the task that saved the checkpoint, by its name there; None if it has none."""
        if name not in self._networks and name in self.checkpoint.networks():
            phase = self.checkpoint.phase
            network = self.task(phase, self.recipe.phases[phase].task).networks()[name]
            self._networks[name] = network.eval().requires_grad_(False)
            self._load(name, network)
        return self._networks.get(name)

    def load(self, checkpoint: Checkpoint) -> None:
        """Load the weights of another checkpoint, into existing networks and those built later.

        Raises:
            RunError: the checkpoint lacks a network, or its tensors do not fit.
        """
        self.checkpoint = checkpoint
        for name, network in self._networks.items():
            self._load(name, network)

    def _build(self, name: str, make: Callable[[], Part]) -> Part:
        with self._building:
            part = super()._build(name, make)
            if isinstance(part, nn.Module) and (name in GENERATING or name in self.checkpoint.networks()):
                self._networks[name] = part.eval().requires_grad_(False)
                self._load(name, part)
            return part

    def _load(self, name: str, network: nn.Module) -> None:
        saved = self.checkpoint.sampling_network if name == "generator" else name
        self.checkpoint.load_network(saved, network)
