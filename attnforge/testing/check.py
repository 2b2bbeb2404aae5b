"""One promise of a kind of component, and the function that holds a component to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from attnforge.testing.subject import Subject


@dataclass(frozen=True, slots=True)
class Check:
    """A named promise."""

    name: str
    """Such as `weights_sum_to_one`; the test is called `test_` and this."""
    promise: str
    """What the component promises, in one sentence."""
    function: Callable[[Subject], None]
    """Returns when the promise is kept and raises otherwise."""


def checks(functions: Iterable[Callable[[Subject], None]]) -> tuple[Check, ...]:
    """Checks of functions: the function's name is the check's, its docstring begins with the promise."""
    return tuple(
        Check(one.__name__, (one.__doc__ or "").strip().partition("\n")[0], one) for one in functions
    )
