"""The test cases of kernels: inputs of every operation in several sizes, dtypes, layouts and devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attnforge.kernels.dispatch import Operation
from attnforge.kernels.operations import operations
from attnforge.testing.numbers import numbers
from attnforge.values import Situation

DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
WORD_ATTENTION = ({"b": 2, "c": 8, "l": 5, "h": 4, "w": 3}, {"b": 1, "c": 5, "l": 1, "h": 1, "w": 7})
REGION_MATCHING = ({"i": 3, "t": 4, "d": 8, "l": 5, "n": 9}, {"i": 1, "t": 2, "d": 5, "l": 3, "n": 7})


@dataclass(frozen=True)
class Case:
    """One call of an operation."""

    operation: Operation
    sizes: Mapping[str, int]
    dtype: torch.dtype
    device: torch.device
    strided: bool
    """Whether the inputs are not contiguous in memory."""
    options: Mapping[str, Any]

    def __str__(self) -> str:
        sizes = " ".join(f"{letter}{size}" for letter, size in self.sizes.items())
        layout = ", strided" if self.strided else ""
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{sizes}, {str(self.dtype).removeprefix('torch.')} on {self.device}{layout}, {options}"

    def situation(self, *, gradient: bool) -> Situation:
        """The situation to pass to `refuse`."""
        options = self.options if self.operation.name == "region-matching" else {}
        return Situation(
            device=self.device, dtype=self.dtype, sizes=self.sizes, gradient=gradient, options=options
        )

    def inputs(self, dtype: torch.dtype | None = None) -> tuple[Tensor, ...]:
        """The input tensors; floating ones are first rounded to the case's dtype."""
        exact = _INPUTS[self.operation.name](self.sizes)
        rounded = [tensor.to(self.dtype) if tensor.is_floating_point() else tensor for tensor in exact]
        inputs = [tensor.to(self.device, dtype if tensor.is_floating_point() else None) for tensor in rounded]
        if not self.strided:
            return tuple(inputs)
        return tuple(_strided(tensor) if tensor.is_floating_point() else tensor for tensor in inputs)

    def reference(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The results of the operation's reference kernel."""
        return results(self.operation.kernels[-1].run(*inputs, **self.options))


def cases_of(name: str) -> Iterator[Case]:
    """The cases of the operation that a kernel's name begins with, if any."""
    devices = [torch.device("cpu"), *([torch.device("cuda")] if torch.cuda.is_available() else [])]
    for operation in operations():
        if not name.startswith(f"{operation.name}-"):
            continue
        for device in devices:
            for dtype in DTYPES:
                for index, sizes in enumerate(_SIZES[operation.name]):
                    for options in _OPTIONS[operation.name]:
                        yield Case(operation, sizes, dtype, device, index == 0, options)


def results(output: Any) -> tuple[Tensor, ...]:
    """The tensors among a kernel's outputs."""
    outputs = output if isinstance(output, tuple) else (output,)
    return tuple(tensor for tensor in outputs if tensor is not None)


def _attention_inputs(sizes: Mapping[str, int]) -> tuple[Tensor, ...]:
    batch, channels, words = sizes["b"], sizes["c"], sizes["l"]
    features = numbers(batch, channels, sizes["h"], sizes["w"], seed=1)
    lengths = torch.tensor([words, 1])[:batch]  # the second caption has one word, the rest is padding
    return features, numbers(batch, channels, words, seed=2), torch.arange(words) >= lengths[:, None]


def _matching_inputs(sizes: Mapping[str, int]) -> tuple[Tensor, ...]:
    captions, words = sizes["t"], sizes["l"]
    lengths = torch.tensor([words, 1, *[2] * captions])[:captions]
    vectors = numbers(captions, sizes["d"], words, seed=1)
    return vectors, numbers(sizes["i"], sizes["d"], sizes["n"], seed=2), lengths


def _strided(tensor: Tensor) -> Tensor:
    """A non-contiguous tensor of the same values."""
    buffer = tensor.new_zeros(*tensor.shape[:-1], 2 * tensor.shape[-1])
    buffer[..., ::2] = tensor
    return buffer[..., ::2]


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
