"""A metric that tells any two sets of images apart, for tests of what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from torch import Tensor

from attnforge.plugin import Component, hookimpl
from attnforge.specs import MetricSpec


class Brightness:
    """The mean of all images, and how many there are."""

    def __init__(self, spec: MetricSpec) -> None:
        self.sums: list[float] = []

    def update(self, images: Tensor, captions: Sequence[str]) -> None:
        self.sums += [float(image.double().mean()) for image in images]

    def compute(self) -> dict[str, float]:
        return {"brightness": sum(self.sums) / len(self.sums)}


def brightness_plugin() -> ModuleType:
    """A plugin that brings the metric `brightness`."""
    module = ModuleType("brightness_plugin")

    @hookimpl
    def attnforge_components() -> list[Component]:
        return [Component("metric", "brightness", "noting_metric:Brightness", "how bright images are")]

    vars(module)["attnforge_components"] = attnforge_components
    return module
