"""The lines of metrics.jsonl as charts: one for each group of scalars that can share an axis."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, TypedDict

POINTS = 400
"""At most this many points a series; more are averaged in neighbours, since no screen shows them."""
SERIES = 6
"""At most this many lines a chart, so that their colours can be told apart."""
APART = 20.0
"""Scalars whose typical sizes differ by more than this factor get charts of their own."""


_GROUP = re.compile(r"(?P<group>\w(?= )|[^/.]+(?=[/.]))")
_TITLES = {"D": "discriminators", "G": "generator"}


class Series(TypedDict):
    """One line of a chart."""

    name: str
    steps: list[float]
    values: list[float]


class Chart(TypedDict):
    """Scalars that share an axis."""

    title: str
    logarithmic: bool
    """Whether the values span so much that a logarithmic axis shows them better."""
    positive: bool
    """Whether a logarithmic axis is possible."""
    series: list[Series]


class PhaseCurves(TypedDict):
    """Everything that was logged in one phase of training."""

    phase: str
    seconds: float | None
    """How long the phase took, between its first and its last line."""
    clock: list[tuple[float, float]]
    """Steps with their seconds since the run's start."""
    lost: int
    """How many values were not finite, and so are not drawn."""
    charts: list[Chart]


def curves(metrics: Iterable[Mapping[str, Any]]) -> list[PhaseCurves]:
    """Group logged lines by phase, then by the beginning of a scalar's name.

    The beginning is what stands before the first `/` or `.`, or a first word of one letter, as in
    `D adversarial 64`. Scalars without one share a group.

    After a resume a step may have been logged twice; the later line counts.
    """
    phases: dict[str, dict[int, Mapping[str, Any]]] = {}
    for line in metrics:
        steps = phases.setdefault(line["phase"], {})
        steps[line["step"]] = {**steps.get(line["step"], {}), **line}
    return [_phase(name, [steps[step] for step in sorted(steps)]) for name, steps in phases.items()]


def _phase(name: str, lines: Sequence[Mapping[str, Any]]) -> PhaseCurves:
    values: dict[str, list[tuple[float, float]]] = {}
    lost = 0
    for line in lines:
        for key, value in line.items():
            if key in ("phase", "step", "seconds") or not _is_number(value):
                continue
            if math.isfinite(value):
                values.setdefault(key, []).append((float(line["step"]), float(value)))
            else:
                lost += 1
    clock = [(float(line["step"]), float(line["seconds"])) for line in lines if _is_time(line.get("seconds"))]
    groups: dict[str, list[str]] = {}
    for key in values:
        groups.setdefault(_group(key), []).append(key)
    return PhaseCurves(
        phase=name,
        seconds=_short(clock[-1][1] - clock[0][1]) if len(clock) > 1 else None,
        clock=thinned(clock, POINTS // 2),
        lost=lost,
        charts=[
            _chart(group, part, values)
            for group, keys in groups.items()
            for part in _comparable(keys, values)
        ],
    )


def thinned(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """At most `most` points; where there are more, neighbours are averaged."""
    size = max(1, math.ceil(len(points) / most))
    result = []
    for start in range(0, len(points), size):
        part = points[start : start + size]
        result.append(
            (_short(sum(x for x, _ in part) / len(part)), _short(sum(y for _, y in part) / len(part)))
        )
    return result


def _chart(group: str, keys: Sequence[str], values: Mapping[str, list[tuple[float, float]]]) -> Chart:
    series = []
    for key in keys:
        points = thinned(values[key], POINTS)
        name = key[len(group) + 1 :] if group and len(keys) > 1 else key
        series.append(Series(name=name, steps=[x for x, _ in points], values=[y for _, y in points]))
    every = [value for line in series for value in line["values"]]
    positive = min(every) > 0
    title = keys[0] if len(keys) == 1 else _TITLES.get(group, group) or _listed(keys)
    return Chart(
        title=title.replace("_", " "),
        logarithmic=positive and max(every) / min(every) > 100,
        positive=positive,
        series=series,
    )


def _comparable(keys: Sequence[str], values: Mapping[str, list[tuple[float, float]]]) -> list[list[str]]:
    """Split scalars of one group where their typical sizes differ too much for one axis."""
    typical = {key: median(abs(value) for _, value in values[key]) for key in keys}
    parts: list[list[str]] = []
    previous = None
    for key in sorted(keys, key=lambda key: -typical[key]):
        apart = previous is not None and typical[key] * APART < previous
        if not parts or apart or len(parts[-1]) == SERIES:
            parts.append([])
        parts[-1].append(key)
        previous = typical[key]
    return [sorted(part, key=keys.index) for part in parts]


def _group(key: str) -> str:
    match = _GROUP.match(key)
    return match["group"] if match else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{names[0]}, {names[1]} and {len(names) - 2} more"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _short(value: float) -> float:
    """Six digits: more than a screen shows, and a third of the bytes."""
    return float(f"{value:.6g}")
