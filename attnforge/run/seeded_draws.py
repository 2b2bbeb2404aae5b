"""Random numbers of one generation, which neither draw from torch's global generators nor set them.

Parts draw as any code does, with `torch.randn_like` and its kin. Seeding the global generators for them, as
training does, would mix up two threads that generate at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from attnforge.run.draw_rows import Rows


class SeededDraws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While entered, what this thread draws comes from generators of this object, one for each device.

    On each device the numbers are those that the global generator would give after `torch.manual_seed(seed)`.
    With `rows`, a draw whose first dimension is as long takes the numbers of each row from that row's seed,
    as if it were drawn in a batch of one, so that they do not depend on the batch. What is drawn in any other
    shape comes from `seed` and is common to the batch.

    Args:
        seed: Decides them.
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
        named = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **named)
        if named.get("generator") is not None:  # the part has one of its own
            return func(*args, **named)
        device = _device(args, named)
        if (draw := _drawing(func)) is not None:
            rows = Rows.of(func, args, named, count=len(self._rows))
            if rows is None:
                return draw(self._generator(device), *args, **named)
            return rows.join(
                [
                    draw(self._generator(device, row), *rows.args(row), **rows.named(row))
                    for row in range(len(self._rows))
                ]
            )
        with self:  # what is made of other operations, such as dropout in inference mode
            made = func.decompose(*args, **named)
        # Operations of plugins may be made of nothing; their random numbers nobody here can know.
        return func(*args, **named) if made is NotImplemented else made

    def _generator(self, device: torch.device, row: int | None = None) -> torch.Generator:
        if (row, device) not in self._generators:
            seed = self._seed if row is None else self._rows[row]
            self._generators[row, device] = torch.Generator(device).manual_seed(seed)
        return self._generators[row, device]


def _drawing(func: Any) -> Callable[..., Any] | None:
    """The operation with a generator before its arguments, or None where it is made of others."""
    if (taking := _with_generator(func)) is not None:
        return lambda generator, *args, **named: taking(*args, **{**named, "generator": generator})
    return _WITHOUT_GENERATOR.get(func.overloadpacket)


def _with_generator(func: Any) -> Any:
    """The operation as one that takes a generator, or None; torch has some in two forms."""
    if any(argument.name == "generator" for argument in func._schema.arguments):
        return func
    name = func._overloadname
    return getattr(func.overloadpacket, "generator" if name == "default" else f"{name}_generator", None)


def _device(args: Sequence[Any], named: Mapping[str, Any]) -> torch.device:
    tensors = (value for value in (*args, *named.values()) if isinstance(value, Tensor))
    tensor = next(tensors, None)
    device = named.get("device") or (tensor.device if tensor is not None else None)
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
"""What draws and takes no generator."""
