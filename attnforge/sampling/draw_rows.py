"""Splits a random operation on a batch into operations on its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Rows:
    """The arguments of an operation, split into rows."""

    count: int
    names: tuple[str, ...]
    """Names of the positional arguments."""
    written: Mapping[str, Tensor]
    """The arguments of `count` rows that the operation writes to."""
    copies: Mapping[str, Sequence[Tensor]]
    """Copies of their rows, which the operation writes to instead."""
    positional: Sequence[Any]
    keywords: Mapping[str, Any]

    @classmethod
    def of(cls, operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any], *, count: int) -> Rows | None:
        """Split the arguments; None when no argument, tensor or size of the result, has `count` rows.

        Args:
            operation: An overload of a torch operation.
            args: Its positional arguments.
            kwargs: Its keyword arguments.
            count: Rows of the batch; 0 for none.
        """
        schema = operation._schema.arguments
        names = tuple(argument.name for argument in schema[: len(args)])
        values = {**dict(zip(names, args, strict=True)), **kwargs}
        if count == 0 or not any(_has_rows(name, value, count) for name, value in values.items()):
            return None
        written = {
            argument.name: values[argument.name]
            for argument in schema
            if argument.alias_info is not None
            and argument.alias_info.is_write
            and _has_rows(argument.name, values.get(argument.name), count)
        }
        # contiguous copies, because the memory layout of a row affects which random numbers it gets
        copies = {
            name: [row.clone(memory_format=torch.contiguous_format) for row in value.split(1)]
            for name, value in written.items()
        }
        return cls(count, names, written, copies, args, kwargs)

    def args(self, row: int) -> list[Any]:
        """The positional arguments for one row."""
        return [self._row(name, value, row) for name, value in zip(self.names, self.positional, strict=True)]

    def kwargs(self, row: int) -> dict[str, Any]:
        """The keyword arguments for one row."""
        return {name: self._row(name, value, row) for name, value in self.keywords.items()}

    def join(self, results: Sequence[Any]) -> Any:
        """The result of the operation for the batch, from its results for the rows."""
        for name, tensor in self.written.items():
            tensor.copy_(torch.cat(list(self.copies[name])))
        if isinstance(results[0], tuple):
            return tuple(self._concatenate(parts) for parts in zip(*results, strict=True))
        return self._concatenate(results)

    def _concatenate(self, parts: Sequence[Tensor]) -> Tensor:
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
