"""One random operation on a batch as an operation on each of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Rows:
    """The arguments of an operation, which can be had for one row at a time."""

    count: int
    names: tuple[str, ...]
    """What the operation calls each of its arguments by position."""
    written: Mapping[str, Tensor]
    """The arguments of `count` rows that it writes to, each with the memory of its rows in `copies`."""
    copies: Mapping[str, Sequence[Tensor]]
    positional: Sequence[Any]
    keywords: Mapping[str, Any]

    @classmethod
    def of(cls, operation: Any, args: Sequence[Any], named: Mapping[str, Any], *, count: int) -> Rows | None:
        """None where no argument has `count` rows: neither a tensor nor the size of the result.

        Args:
            operation: An overload of torch's.
            args: Its arguments by position.
            named: Its arguments by name.
            count: Rows of the batch; 0 for none.
        """
        schema = operation._schema.arguments
        names = tuple(argument.name for argument in schema[: len(args)])
        values = {**dict(zip(names, args, strict=True)), **named}
        if count == 0 or not any(_has_rows(name, value, count) for name, value in values.items()):
            return None
        written = {
            argument.name: values[argument.name]
            for argument in schema
            if argument.alias_info is not None
            and argument.alias_info.is_write
            and _has_rows(argument.name, values.get(argument.name), count)
        }
        # Compact copies: where a tensor's rows lie in memory decides which numbers an operation gives them.
        copies = {
            name: [row.clone(memory_format=torch.contiguous_format) for row in value.split(1)]
            for name, value in written.items()
        }
        return cls(count, names, written, copies, args, named)

    def args(self, row: int) -> list[Any]:
        """The arguments by position for one row."""
        return [self._row(name, value, row) for name, value in zip(self.names, self.positional, strict=True)]

    def named(self, row: int) -> dict[str, Any]:
        """The arguments by name for one row."""
        return {name: self._row(name, value, row) for name, value in self.keywords.items()}

    def join(self, results: Sequence[Any]) -> Any:
        """What the operation gives for the batch, from what it gave for each row."""
        for name, tensor in self.written.items():
            tensor.copy_(torch.cat(list(self.copies[name])))
        if isinstance(results[0], tuple):
            return tuple(self._joined(parts) for parts in zip(*results, strict=True))
        return self._joined(results)

    def _joined(self, parts: Sequence[Tensor]) -> Tensor:
        for name, tensor in self.written.items():
            if parts[0] is self.copies[name][0]:
                return tensor
        return torch.cat(list(parts))

    def _row(self, name: str, value: Any, row: int) -> Any:
        if name in self.copies:
            return self.copies[name][row]
        if not _has_rows(name, value, self.count):
            return value
        return value[row : row + 1].contiguous() if isinstance(value, Tensor) else [1, *value[1:]]


def _has_rows(name: str, value: Any, count: int) -> bool:
    if isinstance(value, Tensor):
        return value.ndim > 0 and len(value) == count
    return name == "size" and len(value) > 0 and value[0] == count
