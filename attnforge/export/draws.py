"""Random numbers of a network as inputs of its exported graph, which has no random numbers of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from attnforge.errors import Problem, RunError

NORMAL = frozenset({torch.randn, torch.randn_like})
"""Functions whose results can be inputs: independent normal numbers."""
OTHERS = frozenset(
    {torch.rand, torch.rand_like, torch.randint, torch.randint_like, torch.bernoulli, torch.normal}
)


class RecordedDraws(TorchFunctionMode):
    """While entered, notes the shape of every draw of normal numbers.

    Raises:
        RunError: other random numbers are drawn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        _refuse_others(func)
        if func in NORMAL:
            self.shapes.append(tuple(result.shape))
        return result


class GivenDraws(TorchFunctionMode):
    """While entered, draws of normal numbers return given tensors, one after another.

    Args:
        values: The tensors, of the shapes that `RecordedDraws` noted.
    """

    def __init__(self, values: Sequence[Tensor]) -> None:
        super().__init__()
        self._rest = list(values)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        return self._rest.pop(0) if func in NORMAL else func(*args, **(kwargs or {}))


def _refuse_others(func: Callable[..., Any]) -> None:
    if func in OTHERS:
        name = getattr(func, "__name__", str(func))
        message = f"the generator takes random numbers from torch.{name}, which an exported graph cannot"
        expected = "a generator that takes only normal numbers, from torch.randn or torch.randn_like"
        raise RunError(Problem("not-exportable", message, expected=expected))
