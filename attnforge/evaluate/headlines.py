"""Which of many measured figures are the ones that a table or a plot shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

CHANCE, DEVIATION = " chance", " deviation"
"""Endings of the figures that belong to another: what guessing gives, and how far parts of the set differ."""
WITHHELD = " withheld"
"""Ending of the name under which a text says why a figure is not given."""
PROTOCOL = frozenset({"captions", "evaluation seed"})
"""What stands beside figures without being one."""


def headlines(metrics: Mapping[str, Any]) -> list[str]:
    """The names of the figures that stand for themselves, in order.

    A figure's chance, its deviation, and its parts, whose names begin with the whole name of another, are
    left out.
    """
    names = [name for name, value in metrics.items() if name not in PROTOCOL and _is_number(value)]
    names = [name for name in names if not name.endswith((CHANCE, DEVIATION))]
    return [name for name in names if not any(name.startswith(f"{other} ") for other in names)]


def withheld(metrics: Mapping[str, Any]) -> dict[str, str]:
    """The figures that are not given, and why."""
    names = [name for name in metrics if name.endswith(WITHHELD)]
    return {name.removesuffix(WITHHELD): str(metrics[name]) for name in names}


def short(name: str) -> str:
    """A figure's name without the protocol that stands in parentheses after it."""
    return name.partition(" (")[0]


def matching(names: list[str], wanted: str) -> str | None:
    """The one of these names that is called `wanted`, with or without its protocol."""
    return next((name for name in names if wanted in (name, short(name))), None)


def is_share(name: str, metrics: Mapping[str, Any]) -> bool:
    """Whether a figure is a share of one, which those are that have a chance."""
    return name + CHANCE in metrics


def written(name: str, metrics: Mapping[str, Any]) -> str:
    """A figure as a table shows it: with its deviation, and as per cent where it is a share."""
    value, deviation = metrics.get(name), metrics.get(name + DEVIATION)
    if not _is_number(value):
        return ""
    factor, digits = (100, 1) if is_share(name, metrics) else (1, 3)
    text = f"{factor * value:.{digits}f}"
    return f"{text} ± {factor * deviation:.{digits}f}" if _is_number(deviation) else text


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
