"""How a check says that a promise is broken: in words that a plugin's author can act on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.strategies import SearchStrategy
from torch import Tensor

EXAMPLES = 10
"""How many inputs a property is tried on."""


def require(condition: object, message: str) -> None:
    """Fail with `message` unless the condition holds.

    Raises:
        AssertionError: It does not. Unlike an `assert`, this also holds under `python -O`.
    """
    __tracebackhide__ = True
    if not condition:
        raise AssertionError(message)


def same(found: Tensor, wanted: Tensor, what: str, *, relative: float = 1e-4, absolute: float = 1e-5) -> None:
    """Require that two tensors have the same shape and, up to rounding, the same numbers.

    Args:
        found: What the component gave.
        wanted: What it should have given.
        what: The sentence that fails, such as `a caption alone gives what it gives in a batch`.
        relative: How far numbers may be apart, relative to their size.
        absolute: How far numbers near zero may be apart.
    """
    __tracebackhide__ = True
    require(found.shape == wanted.shape, f"{what}: shape {list(found.shape)}, not {list(wanted.shape)}")
    if not wanted.is_floating_point():
        require(torch.equal(found, wanted), f"{what}: {found.tolist()}, not {wanted.tolist()}")
        return
    finite(found, what)
    found, wanted = found.detach().double(), wanted.detach().double()
    apart = (found - wanted).abs() - relative * wanted.abs()
    if apart.numel() and float(apart.max()) > absolute:
        place = torch.unravel_index(apart.argmax(), apart.shape)
        where = [int(index) for index in place]
        raise AssertionError(
            f"{what}: at {where} it is {float(found[place]):g}, not {float(wanted[place]):g}"
        )


def all_same(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], what: str, **limits: float) -> None:
    """Require the same tensors under the same names; see `same`."""
    __tracebackhide__ = True
    require(found.keys() == wanted.keys(), f"{what}: {sorted(found)} instead of {sorted(wanted)}")
    for name in found:
        same(found[name], wanted[name], f"{what} ({name})", **limits)


def finite(tensor: Tensor, what: str) -> None:
    """Require that no number is infinite or none at all."""
    __tracebackhide__ = True
    odd = int((~torch.isfinite(tensor)).sum()) if tensor.is_floating_point() else 0
    require(odd == 0, f"{what}: {odd} of {tensor.numel()} numbers are not finite")


def raises(
    kind: type[Exception] | tuple[type[Exception], ...], action: Callable[[], object], what: str
) -> Exception:
    """Require that an action fails with this kind of exception, and give it."""
    __tracebackhide__ = True
    try:
        result = action()
    except kind as error:
        return error
    except Exception as error:
        raise AssertionError(f"{what}: it raised {type(error).__name__}: {error}") from error
    raise AssertionError(f"{what}: it gave {_short(result)}")


def for_all(strategy: SearchStrategy[Any], body: Callable[[Any], None], *, examples: int = EXAMPLES) -> None:
    """Try a property on several inputs, the same ones every time; the first that breaks it is described.

    Raises:
        AssertionError: The property does not hold; says for inputs of which shapes.
    """
    __tracebackhide__ = True

    def tried(given_example: Any) -> None:
        __tracebackhide__ = True
        try:
            body(given_example)
        except AssertionError as error:
            raise AssertionError(f"{error}\n  given: {described(given_example)}") from None

    checked = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),  # examples are small, and shrinking them takes minutes
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,  # numbers of whole tensors help nobody
    )
    checked(given(strategy)(tried))()


def described(value: object) -> str:
    """An example in a line: of tensors the shape, of masks the number of words."""
    if isinstance(value, Tensor):
        if value.dtype == torch.bool and value.ndim == 2:
            return f"{(~value).sum(dim=1).tolist()} words"
        shown = value.ndim <= 1 and value.numel() <= 8
        return f"{value.tolist()}" if shown else f"of shape {list(value.shape)}"
    if is_dataclass(value):
        parts = [f"{one.name} {described(getattr(value, one.name))}" for one in fields(value)]
        return f"{type(value).__name__}({', '.join(parts)})"
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None) or [""] * len(value)
        return ", ".join(f"{name} {described(one)}".strip() for name, one in zip(names, value, strict=True))
    return _short(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
