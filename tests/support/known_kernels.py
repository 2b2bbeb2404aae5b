"""Attnforge's own kernels as a plugin would declare them, for tests of the conformance kit."""

from __future__ import annotations

from types import ModuleType
from typing import Any, ClassVar

from torch import Tensor

from attnforge.interfaces import Situation
from attnforge.kernels import region_matching, word_attention
from attnforge.kernels.dispatch import Candidate, Operation
from attnforge.plugin import Component, PluginCatalogue, hookimpl, load_plugins


class Own:
    """A kernel of an operation of attnforge's."""

    operation: ClassVar[Operation]
    kernel: ClassVar[str]

    def __init__(self) -> None:
        self.candidate: Candidate = next(one for one in self.operation.kernels if one.name == self.kernel)

    def refuse(self, situation: Situation) -> str | None:
        return self.candidate.refuse(situation)

    def run(self, *inputs: Tensor, **options: Any) -> Any:
        return self.candidate.run(*inputs, **options)


class WordAttentionCpu(Own):
    """Word attention on the CPU."""

    operation, kernel = word_attention.OPERATION, "cpu"


class WordAttentionReference(Own):
    """Word attention in plain torch."""

    operation, kernel = word_attention.OPERATION, "reference"


class RegionMatchingCpu(Own):
    """Region matching on the CPU."""

    operation, kernel = region_matching.OPERATION, "cpu"


class RegionMatchingPlain(Own):
    """Region matching of all pairs at once."""

    operation, kernel = region_matching.OPERATION, "plain"


class RegionMatchingTorch(Own):
    """Region matching as tables of torch."""

    operation, kernel = region_matching.OPERATION, "torch"


CLASSES = {
    "word-attention-own-cpu": WordAttentionCpu,
    "word-attention-own-reference": WordAttentionReference,
    "region-matching-own-cpu": RegionMatchingCpu,
    "region-matching-own-plain": RegionMatchingPlain,
    "region-matching-own-torch": RegionMatchingTorch,
}


def kernels_plugin() -> PluginCatalogue:
    """A catalogue of these kernels, and nothing that is installed."""
    module = ModuleType("broken.quiet_plugin")  # a real module that can be imported quickly

    @hookimpl
    def attnforge_components() -> list[Component]:
        return [
            Component("kernel", name, f"{one.__module__}:{one.__qualname__}", f"{one.__doc__}")
            for name, one in CLASSES.items()
        ]

    vars(module)["attnforge_components"] = attnforge_components
    return load_plugins(extra=[("own kernels", module)], installed=False)
