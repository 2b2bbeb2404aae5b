"""Counts the floating point operations of tensor operations, on any device, also on `meta`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class FlopCount(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While entered, counts matrix products, convolutions and attention by the formulas of torch.

    torch's own `FlopCounterMode` also assigns them to modules, by hooks that gradient penalties cannot pass.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0
        """Operations so far; a multiplication and an addition count as two."""

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        options = dict(kwargs or {})
        formula = flop_registry.get(getattr(func, "_overloadpacket", None))
        if formula is None:
            with self:
                decomposed = func.decompose(*args, **options)  # type: ignore[attr-defined]
            return func(*args, **options) if decomposed is NotImplemented else decomposed
        result = func(*args, **options)
        self.total += formula(*args, **options, out_val=result)
        return result
