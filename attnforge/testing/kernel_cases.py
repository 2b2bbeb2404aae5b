"""What a kernel is tried on: inputs of every operation in several sizes, types, layouts and places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attnforge.kernels.dispatch import Operation
from attnforge.kernels.operations import operations
from attnforge.testing.strategies import numbers
from attnforge.values import Situation

TYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
WORD_ATTENTION = ({"b": 2, "c": 8, "l": 5, "h": 4, "w": 3}, {"b": 1, "c": 5, "l": 1, "h": 1, "w": 7})
REGION_MATCHING = ({"i": 3, "t": 4, "d": 8, "l": 5, "n": 9}, {"i": 1, "t": 2, "d": 5, "l": 3, "n": 7})


@dataclass(frozen=True)
class Case:
    """One call of an operation."""

    operation: Operation
    sizes: Mapping[str, int]
    dtype: torch.dtype
    device: torch.device
    scattered: bool
    """Whether the inputs lie in memory with other strides than usual."""
    options: Mapping[str, Any]

    def __str__(self) -> str:
        sizes = " ".join(f"{letter}{size}" for letter, size in self.sizes.items())
        layout = ", scattered" if self.scattered else ""
        asked = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{sizes}, {str(self.dtype).removeprefix('torch.')} on {self.device}{layout}, {asked}"

    def situation(self, *, gradient: bool) -> Situation:
        """What `refuse` is asked."""
        options = self.options if self.operation.name == "region-matching" else {}
        return Situation(
            device=self.device, dtype=self.dtype, sizes=self.sizes, gradient=gradient, options=options
        )

    def inputs(self, dtype: torch.dtype | None = None) -> tuple[Tensor, ...]:
        """The tensors; those that are multiplied have first been rounded to the case's type."""
        made = _INPUTS[self.operation.name](self.sizes)
        rounded = [one.to(self.dtype) if one.is_floating_point() else one for one in made]
        placed = [one.to(self.device, dtype if one.is_floating_point() else None) for one in rounded]
        return tuple(_scattered(one) if self.scattered and one.is_floating_point() else one for one in placed)

    def reference(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What the operation's definition gives."""
        return results(self.operation.kernels[-1].run(*inputs, **self.options))


def cases_of(name: str) -> Iterator[Case]:
    """The cases of the operation that a kernel's name begins with; none when it begins with no operation."""
    devices = [torch.device("cpu"), *([torch.device("cuda")] if torch.cuda.is_available() else [])]
    for operation in operations():
        if not name.startswith(f"{operation.name}-"):
            continue
        for device in devices:
            for dtype in TYPES:
                for index, sizes in enumerate(_SIZES[operation.name]):
                    for options in _OPTIONS[operation.name]:
                        yield Case(operation, sizes, dtype, device, index == 0, options)


def results(given: Any) -> tuple[Tensor, ...]:
    """The tensors among what a kernel gives."""
    several = given if isinstance(given, tuple) else (given,)
    return tuple(one for one in several if one is not None)


def _attention_inputs(sizes: Mapping[str, int]) -> tuple[Tensor, ...]:
    batch, channels, words = sizes["b"], sizes["c"], sizes["l"]
    features = numbers(batch, channels, sizes["h"], sizes["w"], seed=1)
    lengths = torch.tensor([words, 1])[:batch]  # the second caption is one word among padding
    return features, numbers(batch, channels, words, seed=2), torch.arange(words) >= lengths[:, None]


def _matching_inputs(sizes: Mapping[str, int]) -> tuple[Tensor, ...]:
    captions, words = sizes["t"], sizes["l"]
    lengths = torch.tensor([words, 1, *[2] * captions])[:captions]
    vectors = numbers(captions, sizes["d"], words, seed=1)
    return vectors, numbers(sizes["i"], sizes["d"], sizes["n"], seed=2), lengths


def _scattered(tensor: Tensor) -> Tensor:
    """The same numbers with gaps between them."""
    around = tensor.new_zeros(*tensor.shape[:-1], 2 * tensor.shape[-1])
    around[..., ::2] = tensor
    return around[..., ::2]


_INPUTS: dict[str, Callable[[Mapping[str, int]], tuple[Tensor, ...]]] = {
    "word-attention": _attention_inputs,
    "region-matching": _matching_inputs,
}
_SIZES = {"word-attention": WORD_ATTENTION, "region-matching": REGION_MATCHING}
_OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "word-attention": (
        {"join": False, "return_weights": True},
        {"join": True, "return_weights": False},
    ),
    "region-matching": ({"gamma1": 4.0, "gamma2": 5.0, "precision": "auto", "sparse": False},),
}
