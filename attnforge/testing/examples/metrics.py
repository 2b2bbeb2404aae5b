"""A small metric and a small tracker."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from attnforge.specs import MetricSpec, TrackerSpec


class ExampleMetric:
    """Mean brightness of the images, and the range from the darkest to the brightest."""

    def __init__(self, spec: MetricSpec) -> None:
        self.spec = spec
        self.levels: list[float] = []

    def update(self, images: Float[Tensor, "b 3 h w"], captions: Sequence[str]) -> None:
        """Add images."""
        self.levels += [float(level) for level in images.double().mean(dim=(1, 2, 3))]

    def compute(self) -> dict[str, float]:
        """The mean and the range; an empty dict before any image."""
        if not self.levels:
            return {}
        levels = sorted(self.levels)  # sums of floats depend on their order
        return {"brightness": sum(levels) / len(levels), "brightness range": levels[-1] - levels[0]}


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
