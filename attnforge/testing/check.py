"""One promise of a kind of component, and the function that checks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from attnforge.testing.subject import Subject


@dataclass(frozen=True, slots=True)
class Check:
    """A named promise."""

    name: str
    """Such as `weights_sum_to_one`; the test is called `test_weights_sum_to_one`."""
    promise: str
    """What the component promises, in one sentence."""
    function: Callable[[Subject], None]
    """Returns if the component keeps the promise and raises if it does not."""


def checks(functions: Iterable[Callable[[Subject], None]]) -> tuple[Check, ...]:
    """Checks named after their functions, each with the first line of its docstring as the promise."""
    return tuple(
        Check(function.__name__, (function.__doc__ or "").strip().partition("\n")[0], function)
        for function in functions
    )
