"""Selects and formats the measured values that tables and plots show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

CHANCE, DEVIATION = " chance", " deviation"
"""Suffixes of values that belong to another: the chance level, and the deviation between parts of the set."""
WITHHELD = " withheld"
"""Suffix of the name under which a text says why a value is not reported."""
NOTE = " note"
"""Suffix of the name under which a text says what to know of a value, such as its bias for few images."""
PROTOCOL = frozenset({"captions", "evaluation seed", "images"})
"""Names of protocol settings among the values."""


def headlines(metrics: Mapping[str, Any]) -> list[str]:
    """The names of the main values, in order.

    Chance levels, deviations, and components of another value, whose names begin with its whole name, are
    omitted. A name that continues with a protocol in parentheses is a value of its own: R-precision by other
    encoders is no part of R-precision.
    """
    names = [name for name, value in metrics.items() if name not in PROTOCOL and _is_number(value)]
    names = [name for name in names if not name.endswith((CHANCE, DEVIATION))]
    return [name for name in names if not any(_is_component(name, other) for other in names)]


def withheld(metrics: Mapping[str, Any]) -> dict[str, str]:
    """The values that are not reported, and why."""
    names = [name for name in metrics if name.endswith(WITHHELD)]
    return {name.removesuffix(WITHHELD): str(metrics[name]) for name in names}


def notes(metrics: Mapping[str, Any]) -> dict[str, str]:
    """What to know of values, by their names."""
    names = [name for name in metrics if name.endswith(NOTE)]
    return {name.removesuffix(NOTE): str(metrics[name]) for name in names}


def short(name: str) -> str:
    """The name of a value without the protocol in parentheses after it."""
    return name.partition(" (")[0]


def title(name: str, names: Sequence[str]) -> str:
    """The short name of a value, or the whole one where another of these names has the same."""
    return name if sum(short(other) == short(name) for other in names) > 1 else short(name)


def matching(names: list[str], query: str) -> str | None:
    """The first of these names that equals `query`, with or without its protocol."""
    return next((name for name in names if query in (name, short(name))), None)


def is_share(name: str, metrics: Mapping[str, Any]) -> bool:
    """Whether a value is a share of one: those with a chance level are, and their components."""
    shares = [other.removesuffix(CHANCE) for other in metrics if other.endswith(CHANCE)]
    return any(name == share or _is_component(name, share) for share in shares)


def with_unit(title: str, *, share: bool) -> str:
    """The title of a value in a table, where shares are in per cent."""
    return f"{title} (%)" if share else title


def written(name: str, metrics: Mapping[str, Any]) -> str:
    """A value formatted for a table: with its deviation, and in per cent if it is a share."""
    value, deviation = metrics.get(name), metrics.get(name + DEVIATION)
    if not _is_number(value):
        return ""
    factor, digits = (100, 1) if is_share(name, metrics) else (1, 3)
    text = f"{factor * value:.{digits}f}"
    return f"{text} ± {factor * deviation:.{digits}f}" if _is_number(deviation) else text


def chance(name: str, metrics: Mapping[str, Any]) -> str:
    """The chance level of a value, formatted as the value is; empty where none is known."""
    return written(name + CHANCE, metrics)


def belongs(name: str, metrics: Mapping[str, Any]) -> bool:
    """Whether it is the deviation or the chance level of another value."""
    return any(name.endswith(end) and name.removesuffix(end) in metrics for end in (DEVIATION, CHANCE))


def lines(metrics: Mapping[str, Any]) -> list[str]:
    """All values, one a line, with unit, deviation and chance level.

    For example `R-precision: 83.4% ± 4.7% (chance 1.0%)`.
    """
    texts = []
    for name, value in metrics.items():
        if belongs(name, metrics):
            continue
        if not isinstance(value, float):
            texts.append(f"{name}: {value}")
            continue
        unit = "%" if is_share(name, metrics) else ""
        text = written(name, metrics).replace(" ±", f"{unit} ±")
        level = chance(name, metrics)
        texts.append(f"{name}: {text}{unit}" + (f" (chance {level}{unit})" if level else ""))
    return texts


def markdown_table(metrics: Mapping[str, Any]) -> str:
    """The main values as a table in Markdown, with chance levels where they are known, and notes below."""
    names = headlines(metrics)
    known = any(name + CHANCE in metrics for name in names)
    rows = [["metric", "value", "chance"], ["---", "---:", "---:"]]
    for name in names:
        share = is_share(name, metrics)
        rows.append([with_unit(short(name), share=share), written(name, metrics), chance(name, metrics)])
    rows += [[short(name), f"withheld: {text}", ""] for name, text in withheld(metrics).items()]
    table = ["| " + " | ".join(row if known else row[:2]) + " |" for row in rows]
    remarks = [f"{short(name)}: {text}." for name, text in notes(metrics).items()]
    return "\n".join([*table, *(f"\n{remark}" for remark in remarks)])


def _is_component(name: str, of: str) -> bool:
    return name.startswith(f"{of} ") and not name.startswith(f"{of} (")


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
