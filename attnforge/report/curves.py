"""Charts of metrics.jsonl: one for each group of scalars that can share an axis."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, TypedDict

MAX_POINTS = 400
"""Points of a series at most; more are averaged, since a screen cannot show them."""
MAX_SERIES = 6
"""Lines in a chart at most, so that their colours can be distinguished."""
MAX_RATIO = 20.0
"""Scalars whose medians differ by more than this factor get separate charts."""


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
    """Whether the range of the values calls for a logarithmic axis."""
    positive: bool
    """Whether a logarithmic axis is possible."""
    series: list[Series]


class PhaseCurves(TypedDict):
    """The scalars logged in one phase of training."""

    phase: str
    seconds: float | None
    """Duration of the phase, from its first to its last line."""
    clock: list[tuple[float, float]]
    """Steps with their training time in seconds."""
    not_finite: int
    """The number of values that are not finite, which are not plotted."""
    charts: list[Chart]


def curves(metrics: Iterable[Mapping[str, Any]]) -> list[PhaseCurves]:
    """Group logged lines by phase, then by the prefix of a scalar's name.

    The prefix ends before the first `/` or `.`, or is a first word of one letter, as in `D adversarial 64`.
    Scalars without a prefix share a group.

    After a resume a step may have been logged twice; the later line counts.
    """
    phases: dict[str, dict[int, Mapping[str, Any]]] = {}
    for line in metrics:
        steps = phases.setdefault(line["phase"], {})
        steps[line["step"]] = {**steps.get(line["step"], {}), **line}
    return [_phase(name, [steps[step] for step in sorted(steps)]) for name, steps in phases.items()]


def _phase(name: str, lines: Sequence[Mapping[str, Any]]) -> PhaseCurves:
    values: dict[str, list[tuple[float, float]]] = {}
    not_finite = 0
    for line in lines:
        for key, value in line.items():
            if key in ("phase", "step", "seconds") or not _is_number(value):
                continue
            if math.isfinite(value):
                values.setdefault(key, []).append((float(line["step"]), float(value)))
            else:
                not_finite += 1
    clock = [(float(line["step"]), float(line["seconds"])) for line in lines if _is_time(line.get("seconds"))]
    groups: dict[str, list[str]] = {}
    for key in values:
        groups.setdefault(_group(key), []).append(key)
    return PhaseCurves(
        phase=name,
        seconds=_short(clock[-1][1] - clock[0][1]) if len(clock) > 1 else None,
        clock=thinned(clock, MAX_POINTS // 2),
        not_finite=not_finite,
        charts=[
            _chart(group, part, values)
            for group, keys in groups.items()
            for part in _comparable(keys, values)
        ],
    )


def thinned(points: Sequence[tuple[float, float]], limit: int) -> list[tuple[float, float]]:
    """At most `limit` points; if there are more, neighbours are averaged."""
    size = max(1, math.ceil(len(points) / limit))
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
        points = thinned(values[key], MAX_POINTS)
        name = key[len(group) + 1 :] if group and len(keys) > 1 else key
        series.append(Series(name=name, steps=[x for x, _ in points], values=[y for _, y in points]))
    plotted = [value for line in series for value in line["values"]]
    positive = min(plotted) > 0
    title = keys[0] if len(keys) == 1 else _TITLES.get(group, group) or _listed(keys)
    return Chart(
        title=title.replace("_", " "),
        logarithmic=positive and max(plotted) / min(plotted) > 100,
        positive=positive,
        series=series,
    )


def _comparable(keys: Sequence[str], values: Mapping[str, list[tuple[float, float]]]) -> list[list[str]]:
    """Split the scalars of a group where their medians differ too much for one axis."""
    typical = {key: median(abs(value) for _, value in values[key]) for key in keys}
    parts: list[list[str]] = []
    previous = None
    for key in sorted(keys, key=lambda key: -typical[key]):
        apart = previous is not None and typical[key] * MAX_RATIO < previous
        if not parts or apart or len(parts[-1]) == MAX_SERIES:
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
    """Round to six digits, which is enough for a screen and a third of the bytes."""
    return float(f"{value:.6g}")
