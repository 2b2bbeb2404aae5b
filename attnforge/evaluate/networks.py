"""Feature networks as the metrics of an evaluation share them, and the features of real images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from attnforge.data.fingerprint import fingerprint
from attnforge.errors import Problem, RecipeError
from attnforge.evaluate.cache import RowCache, digest_of
from attnforge.evaluate.extracting import Extraction
from attnforge.evaluate.quantise import from_bytes
from attnforge.interfaces import Dataset, Extractor, FeatureNetwork, NetworkOutput

REFERENCE_SEED = 0
"""Seeds what a data set chooses of a real image; test images are centre crops, whatever the seed."""


class SharedNetwork:
    """A feature network with the rows that it gives; implements `attnforge.specs.Features`.

    Args:
        network: The network, in evaluation mode.
        reference: Real images by split.
    """

    def __init__(self, network: FeatureNetwork, reference: Reference) -> None:
        self.network = network
        self.digest = digest_of(dict(network.protocol()))[:8]
        self.label = f"{network.name}, {self.digest}"
        self.features_row = f"features of {self.label}"
        self.logits_row = f"logits of {self.label}"
        self._reference = reference
        self._last: tuple[Tensor, NetworkOutput] | None = None

    def extractors(self, *, logits: bool = False) -> dict[str, Extractor]:
        """The extractor of features by the name of their rows; or that of logits.

        Raises:
            RecipeError: logits are asked of a network that does not classify.
        """
        if not logits:
            return {self.features_row: lambda images, captions: self._output(images).features.float()}
        if not self.network.classes:
            message = f"the feature network `{self.network.name}` does not classify images"
            raise RecipeError(Problem("no-classes", message, expected="a feature network with classes"))
        return {self.logits_row: self._logits}

    def of_data(self, split: str = "test") -> Float[Tensor, "n d"]:
        """The features of all real images of a split, in their order; computed once and kept on disk.

        Raises:
            RecipeError: there is no data.
        """
        return self._reference.features(self, split)

    def classes_of_data(self, split: str = "test") -> Int[Tensor, "n"]:
        """The classes of these images.

        Raises:
            RecipeError: there is no data.
        """
        data = self._reference.open(split, self.network.name)
        return torch.tensor([data.class_id(index) for index in range(len(data))])

    def _logits(self, images: Float[Tensor, "b 3 h w"], captions: Sequence[str]) -> Float[Tensor, "b k"]:
        logits = self._output(images).logits
        assert logits is not None  # noqa: S101  (`classes` promises them)
        return logits.float()

    def _output(self, images: Float[Tensor, "b 3 h w"]) -> NetworkOutput:
        """The output for a batch, computed once for all rows that are made of it."""
        if self._last is None or self._last[0] is not images:
            if isinstance(self.network, nn.Module):
                self.network.to(images.device)
            self._last = images, self.network(images)
        return self._last[1]


@dataclass
class Reference:
    """The real images that generated ones are compared with.

    Args:
        dataset: Opens a split; None where images are measured without real ones.
        device: Where features are computed.
        image_size: Side in pixels of the real images.
        batch_size: Images at once.
        folder: Where features are kept; None keeps them in memory alone.
        report: Called with a line before features are computed.
    """

    dataset: Callable[[str], Dataset] | None
    device: torch.device
    image_size: int | None = None
    batch_size: int = 50
    folder: Path | None = None
    report: Callable[[str], None] = lambda text: None
    used: dict[str, dict[str, str]] = field(default_factory=dict)
    """The splits whose features were used, with their fingerprints."""
    _features: dict[tuple[str, str], Tensor] = field(default_factory=dict)

    def features(self, shared: SharedNetwork, split: str) -> Float[Tensor, "n d"]:
        """The features of a split; see `SharedNetwork.of_data`."""
        key = (shared.label, split)
        if key not in self._features:
            self._features[key] = self._compute(shared, split)
        return self._features[key]

    def open(self, split: str, network: str) -> Dataset:
        """The real images of a split, which features of a network are compared with.

        Raises:
            RecipeError: there is no data.
        """
        if self.dataset is None:
            message = f"metrics that compare features of `{network}` need real images"
            expected = "`--protocol` with data, or KEY=VALUE below `data`"
            raise RecipeError(Problem("no-reference", message, expected=expected))
        return self.dataset(split)

    def _compute(self, shared: SharedNetwork, split: str) -> Float[Tensor, "n d"]:
        data = self.open(split, shared.network.name)
        if split not in self.used:
            self.used[split] = fingerprint(data)
        protocol: Mapping[str, object] = {
            "network": dict(shared.network.protocol()),
            "data": self.used[split],
            "image size": self.image_size,
        }
        images = RealImages(data, self.device)
        reported = False

        def progress(done: int) -> None:
            nonlocal reported
            if len(data) > done and not reported:
                reported = True
                self.report(f"features of {len(data):,} real images by {shared.network.name}")

        extraction = Extraction(
            batch_size=self.batch_size, cache=RowCache(self.folder, protocol), progress=progress
        )
        return extraction.rows(images, shared.extractors())[shared.features_row]


@dataclass
class RealImages:
    """The images of a data set, each with its first caption, as an `ImageSource`."""

    data: Dataset
    device: torch.device

    def __post_init__(self) -> None:
        self.captions: Sequence[str] = [""] * len(self.data)

    def images(self, numbers: Sequence[int]) -> Float[Tensor, "b 3 h w"]:
        """The images at the size of the data set, in [-1, 1]."""
        pixels = [self.data.sample(number, seed=REFERENCE_SEED).image for number in numbers]
        return from_bytes(torch.stack(pixels)).to(self.device)


class Networks:
    """Builds each feature network once, whichever metrics use it.

    Args:
        reference: The real images.
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.shared: dict[str, SharedNetwork] = {}

    def __call__(self, build: Callable[[], FeatureNetwork]) -> SharedNetwork:
        """The network that a slot builds, shared with the slots that build one of the same protocol."""
        network = build()
        if isinstance(network, nn.Module):
            network.requires_grad_(False).eval()
        shared = SharedNetwork(network, self.reference)
        return self.shared.setdefault(shared.label, shared)

    def details(self) -> dict[str, Any]:
        """What determines the features of each network, by its label, and the real images that were used."""
        networks = {label: dict(shared.network.protocol()) for label, shared in sorted(self.shared.items())}
        return {
            "networks": networks,
            "real images": {**self.reference.used, "size": self.reference.image_size},
            "quantisation": "uint8, rounded",
        }
