"""A metric that tells any two sets of images apart, for tests of what is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType

from torch import Tensor

from attnforge.interfaces import Extractor
from attnforge.plugin import Component, hookimpl
from attnforge.specs import MetricSpec


class Brightness:
    """The mean of all images, and how many there are."""

    def __init__(self, spec: MetricSpec) -> None:
        pass

    def extractors(self) -> dict[str, Extractor]:
        return {"brightness": lambda images, captions: images.double().mean(dim=(1, 2, 3))}

    def compute(self, rows: Mapping[str, Tensor], captions: Sequence[str]) -> dict[str, float]:
        return {"brightness": float(rows["brightness"].mean())}


def brightness_plugin() -> ModuleType:
    """A plugin that brings the metric `brightness`."""
    module = ModuleType("brightness_plugin")

    @hookimpl
    def attnforge_components() -> list[Component]:
        return [Component("metric", "brightness", "noting_metric:Brightness", "how bright images are")]

    vars(module)["attnforge_components"] = attnforge_components
    return module
