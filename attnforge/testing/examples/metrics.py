"""A small metric, a small feature network and a small tracker."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from attnforge.interfaces import Build, Extractor, FeatureNetwork, NetworkOutput
from attnforge.specs import MetricSpec, TrackerSpec


class ExampleMetric:
    """Mean brightness of the images, and the range from the darkest to the brightest.

    Args:
        network: A network whose features nobody needs.
    """

    def __init__(self, spec: MetricSpec, *, network: Build[FeatureNetwork] | None = None) -> None:
        self.spec = spec
        self.features = None if network is None else spec.features(network)

    def extractors(self) -> dict[str, Extractor]:
        """The brightness of each image."""
        return {"brightness": lambda images, captions: images.double().mean(dim=(1, 2, 3))}

    def compute(self, rows: Mapping[str, Shaped[Tensor, "n"]], captions: Sequence[str]) -> dict[str, float]:
        """The mean and the range; an empty dict without any image."""
        levels = sorted(rows["brightness"].tolist())  # sums of floats depend on their order
        if not levels:
            return {}
        return {"brightness": sum(levels) / len(levels), "brightness range": levels[-1] - levels[0]}


class ExampleFeatureNetwork(nn.Module):
    """Means of image quarters as features, and a linear classifier of them."""

    name = "quarters"
    dim = 12
    classes = 3

    def __init__(self) -> None:
        super().__init__()
        weights = torch.arange(36).remainder(7).sub(3).reshape(3, 12)
        self.register_buffer("weights", weights.float(), persistent=False)

    def protocol(self) -> dict[str, str]:
        """There are no trained weights."""
        return {"network": "means of quarters"}

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> NetworkOutput:
        features = nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)
        return NetworkOutput(features, features @ self.get_buffer("weights").T)


class ExampleTracker:
    """Appends everything that is logged to a JSON lines file in the run folder.

    Args:
        file: Name of the file.
    """

    def __init__(self, spec: TrackerSpec, *, file: str = "example.jsonl") -> None:
        self.stream = (Path(spec.run) / file).open("a", encoding="utf-8")

    def scalars(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        """One line with all values."""
        self._write({"phase": phase, "step": step, **values})

    def images(self, paths: Sequence[str], *, phase: str, step: int) -> None:
        """One line with the paths."""
        self._write({"phase": phase, "step": step, "images": list(paths)})

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self.stream.close()

    def _write(self, line: Mapping[str, object]) -> None:
        self.stream.write(json.dumps(line) + "\n")
