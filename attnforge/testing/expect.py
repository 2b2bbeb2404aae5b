"""Assertions for the checks, with messages that a plugin's author can act on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.strategies import SearchStrategy
from torch import Tensor

EXAMPLES = 10
"""How many random inputs a property is checked on."""


def require(condition: object, message: str) -> None:
    """Fail with `message` unless the condition holds.

    Raises:
        AssertionError: It does not hold. Unlike `assert`, this also works under `python -O`.
    """
    __tracebackhide__ = True
    if not condition:
        raise AssertionError(message)


def assert_close(
    actual: Tensor, expected: Tensor, what: str, *, relative: float = 1e-4, absolute: float = 1e-5
) -> None:
    """Require that two tensors have the same shape and, up to rounding, the same values.

    Args:
        actual: The component's output.
        expected: What it should be.
        what: What is compared, such as `sentence vector of a single caption`; the message begins with it.
        relative: Relative tolerance.
        absolute: Absolute tolerance, added to the relative one.
    """
    __tracebackhide__ = True
    require(
        actual.shape == expected.shape, f"{what}: shape {list(actual.shape)}, expected {list(expected.shape)}"
    )
    if not expected.is_floating_point():
        require(torch.equal(actual, expected), f"{what}: {actual.tolist()}, expected {expected.tolist()}")
        return
    assert_finite(actual, what)
    actual, expected = actual.detach().double(), expected.detach().double()
    excess = (actual - expected).abs() - relative * expected.abs()
    if excess.numel() and float(excess.max()) > absolute:
        index = torch.unravel_index(excess.argmax(), excess.shape)
        values = f"{float(actual[index]):g}, expected {float(expected[index]):g}"
        raise AssertionError(f"{what}: at {list(map(int, index))} {values}")


def assert_all_close(
    actual: Mapping[str, Tensor], expected: Mapping[str, Tensor], what: str, **limits: float
) -> None:
    """Require close tensors under the same names; see `assert_close`."""
    __tracebackhide__ = True
    require(actual.keys() == expected.keys(), f"{what}: {sorted(actual)}, expected {sorted(expected)}")
    for name in actual:
        assert_close(actual[name], expected[name], f"{what} ({name})", **limits)


def assert_finite(tensor: Tensor, what: str) -> None:
    """Require that no number is infinite or NaN."""
    __tracebackhide__ = True
    count = int((~torch.isfinite(tensor)).sum()) if tensor.is_floating_point() else 0
    require(count == 0, f"{what}: {count} of {tensor.numel()} values are not finite")


def raises(
    kind: type[Exception] | tuple[type[Exception], ...], action: Callable[[], object], what: str
) -> Exception:
    """Require that an action raises this type of exception, and return the exception."""
    __tracebackhide__ = True
    try:
        result = action()
    except kind as error:
        return error
    except Exception as error:
        raise AssertionError(f"{what}: raised {type(error).__name__}: {error}") from error
    raise AssertionError(f"{what}: returned {_short(result)}")


def for_all(strategy: SearchStrategy[Any], body: Callable[[Any], None], *, examples: int = EXAMPLES) -> None:
    """Check a property on several inputs, the same in every run.

    Raises:
        AssertionError: The property does not hold; the message describes the first input that breaks it.
    """
    __tracebackhide__ = True

    def checked(example: Any) -> None:
        __tracebackhide__ = True
        try:
            body(example)
        except AssertionError as error:
            raise AssertionError(f"{error}\n  inputs: {describe(example)}") from None

    with_settings = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),  # examples are small already, and shrinking takes minutes
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,  # do not print whole tensors
    )
    with_settings(given(strategy)(checked))()


def describe(value: object) -> str:
    """An example on one line: the shape of a tensor, the number of words of a padding mask."""
    if isinstance(value, Tensor):
        if value.dtype == torch.bool and value.ndim == 2:
            return f"{(~value).sum(dim=1).tolist()} words"
        shown = value.ndim <= 1 and value.numel() <= 8
        return f"{value.tolist()}" if shown else f"of shape {list(value.shape)}"
    if is_dataclass(value):
        parts = [f"{field.name} {describe(getattr(value, field.name))}" for field in fields(value)]
        return f"{type(value).__name__}({', '.join(parts)})"
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None) or [""] * len(value)
        return ", ".join(f"{name} {describe(item)}".strip() for name, item in zip(names, value, strict=True))
    return _short(value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
