"""Seeded random numbers for one generation, without using or setting torch's global generators.

Networks draw random numbers with `torch.randn_like` and the like. Seeding the global generators for them, as
training does, would interfere with other threads that generate at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from attnforge.sampling.draw_rows import Rows


class SeededDraws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While entered, random numbers of this thread come from this object's own generators, one per device.

    On each device the numbers are those that the global generator would give after `torch.manual_seed(seed)`.
    With `rows`, a draw whose first dimension has the same length takes each row from that row's seed, as if
    in a batch of one, so that it does not depend on the batch. Draws of any other shape come from `seed` and
    are shared by the batch.

    Args:
        seed: Seed of the generators.
        rows: Seeds of the rows of a batch.
    """

    def __init__(self, seed: int, *, rows: Sequence[int] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._seed = seed
        self._rows = tuple(rows)
        self._generators: dict[tuple[int | None, torch.device], torch.Generator] = {}

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        if kwargs.get("generator") is not None:  # the caller has its own
            return func(*args, **kwargs)
        device = _device(args, kwargs)
        if (draw := _draw(func)) is not None:
            rows = Rows.of(func, args, kwargs, count=len(self._rows))
            if rows is None:
                return draw(self._generator(device), *args, **kwargs)
            return rows.join(
                [
                    draw(self._generator(device, row), *rows.args(row), **rows.kwargs(row))
                    for row in range(len(self._rows))
                ]
            )
        with self:  # for composite operations, such as dropout in inference mode
            result = func.decompose(*args, **kwargs)
        # an operation of a plugin may have no decomposition; its random numbers cannot be seeded here
        return func(*args, **kwargs) if result is NotImplemented else result

    def _generator(self, device: torch.device, row: int | None = None) -> torch.Generator:
        if (row, device) not in self._generators:
            seed = self._seed if row is None else self._rows[row]
            self._generators[row, device] = torch.Generator(device).manual_seed(seed)
        return self._generators[row, device]


def _draw(func: Any) -> Callable[..., Any] | None:
    """The operation as a function of a generator and its arguments; None when it is composite."""
    if (overload := _with_generator(func)) is not None:
        return lambda generator, *args, **kwargs: overload(*args, **{**kwargs, "generator": generator})
    return _WITHOUT_GENERATOR.get(func.overloadpacket)


def _with_generator(func: Any) -> Any:
    """The overload of the operation that takes a generator, or None; some have it as a second overload."""
    if any(argument.name == "generator" for argument in func._schema.arguments):
        return func
    name = func._overloadname
    return getattr(func.overloadpacket, "generator" if name == "default" else f"{name}_generator", None)


def _device(args: Sequence[Any], kwargs: Mapping[str, Any]) -> torch.device:
    tensors = (value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))
    tensor = next(tensors, None)
    device = kwargs.get("device") or (tensor.device if tensor is not None else None)
    return torch.device(device if device is not None else torch.get_default_device())


def _randn_like(generator: torch.Generator, tensor: Tensor, **options: Any) -> Tensor:
    return torch.empty_like(tensor, **options).normal_(generator=generator)


def _rand_like(generator: torch.Generator, tensor: Tensor, **options: Any) -> Tensor:
    return torch.empty_like(tensor, **options).uniform_(generator=generator)


def _randint_like(generator: torch.Generator, tensor: Tensor, *bounds: int, **options: Any) -> Tensor:
    low, high = bounds if len(bounds) == 2 else (0, *bounds)
    return torch.empty_like(tensor, **options).random_(low, high, generator=generator)


def _dropout(
    generator: torch.Generator, tensor: Tensor, probability: float, train: bool | None
) -> tuple[Tensor, Tensor]:
    if not train or probability == 0:
        return tensor.clone(), torch.ones_like(tensor, dtype=torch.bool)
    kept = torch.empty_like(tensor).bernoulli_(1 - probability, generator=generator)
    return tensor * kept / (1 - probability), kept.bool()


_WITHOUT_GENERATOR: dict[Any, Callable[..., Any]] = {
    torch.ops.aten.randn_like: _randn_like,
    torch.ops.aten.rand_like: _rand_like,
    torch.ops.aten.randint_like: _randint_like,
    torch.ops.aten.native_dropout: _dropout,
}
"""Random operations without an overload that takes a generator."""
