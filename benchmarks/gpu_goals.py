"""What is wanted of the kernels on an H100, and what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kernel_cases import ATTENTION, MATCHING
from kernel_providers import OWN
from kernel_rows import Row

LARGE = 16384
"""Pixels of a map from which on word attention has to reach the memory's speed."""

NOTHING = "not measured"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A goal and what was found."""

    name: str
    floor: str
    """What is to be reached at least."""
    wanted: str
    found: str
    met: bool | None
    """Whether the goal is; None where nothing was measured."""
    passable: bool | None
    """Whether the floor is; None where nothing was measured."""


def outcomes(rows: Sequence[Row]) -> list[Outcome]:
    """Every goal, for each data type that has one."""
    found = []
    for dtype in ("bfloat16", "float32"):
        for pairs, floor, wanted in ((48, 25, 60), (256, 8, 18)):
            ratio = _best(rows, MATCHING, "both", dtype, pairs, lambda row: row.ratio)
            name = f"matching {pairs} pairs, {dtype}, beside the official formulas"
            found.append(_least(name, ratio, floor, wanted, "{:.3g} x"))
    padded = [
        _best(rows, MATCHING, "forward", "bfloat16", pairs, lambda row: row.roofline_padded)
        for pairs in (256, 1024)
    ]
    best = max((one for one in padded if one is not None), default=None)
    found.append(_least("matching forward, bfloat16, of the peak, padded", best, 0.30, 0.45, "{:.0%}"))
    found.append(_memory(rows))
    for mode in ("forward", "backward"):
        for dtype in ("bfloat16", "float32"):
            large = [row for row in _large(rows, mode, dtype) if row.provider.startswith(OWN)]
            shares = [_bandwidth(row) for row in _quickest_of_case(large)]
            name = f"attention {mode}, {dtype}, of the copy's bandwidth, at worst"
            found.append(_least(name, min(shares, default=None), 0.60, 0.85, "{:.0%}"))
    for mode in ("forward", "both"):
        margins = _margins([*_large(rows, mode, "bfloat16"), *_large(rows, mode, "float32")])
        name = f"attention {mode}, beside the best of the others, at worst"
        found.append(_least(name, min(margins, default=None), 1.0, 1.0, "{:.2f} x"))
    return found


def lines_of_goals(found: Sequence[Outcome]) -> list[str]:
    """A short table."""
    width = max(len(one.name) for one in found) + 2
    lines = [f"{'goal':{width}}{'floor':>12}{'goal':>12}{'measured':>16}"]
    for one in found:
        state = "" if one.met is None else "met" if one.met else "floor" if one.passable else "missed"
        lines.append(f"{one.name:{width}}{one.floor:>12}{one.wanted:>12}{one.found:>16}  {state}".rstrip())
    return lines


def _least(name: str, figure: float | None, floor: float, wanted: float, form: str) -> Outcome:
    limits = f"from {form.format(floor)}", f"from {form.format(wanted)}"
    if figure is None:
        return Outcome(name, *limits, NOTHING, None, None)
    return Outcome(name, *limits, form.format(figure), figure >= wanted, figure >= floor)


def _best(
    rows: Sequence[Row],
    operation: str,
    mode: str,
    dtype: str,
    batch: int,
    figure: Callable[[Row], float | None],
) -> float | None:
    """The best value of attnforge's kernels at a size."""
    wanted = (operation, mode, dtype, batch)
    own = [
        row
        for row in rows
        if (row.operation, row.mode, row.dtype, row.batch) == wanted and row.provider.startswith(OWN)
    ]
    return max((value for row in own if (value := figure(row)) is not None), default=None)


def _memory(rows: Sequence[Row]) -> Outcome:
    pairs, room = 8192, 80.0
    own = [row for row in rows if row.operation == MATCHING and row.batch == pairs and row.mode == "both"]
    inputs = 2 * pairs * 256 * (289 + 18) / 1e9
    peaks = [inputs + row.peak_megabytes / 1e3 for row in own if row.peak_megabytes and not row.note]
    name = f"matching {pairs} pairs forward and backward, memory"
    limits = f"to {room:.0f} GB", f"to {room:.0f} GB"
    if not peaks:
        return Outcome(name, *limits, NOTHING, None, None)
    fits = min(peaks) <= room
    return Outcome(name, *limits, f"{min(peaks):.1f} GB", fits, fits)


def _large(rows: Sequence[Row], mode: str, dtype: str) -> list[Row]:
    return [
        row
        for row in rows
        if (row.operation, row.mode, row.dtype) == (ATTENTION, mode, dtype)
        and row.queries >= LARGE
        and row.milliseconds is not None
    ]


def _bandwidth(row: Row) -> float:
    return (row.gigabytes_per_second or 0.0) / (row.peak_gigabytes or 1.0)


def _by_case(rows: Sequence[Row]) -> list[list[Row]]:
    cases: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        place = (row.dtype, row.batch, row.queries, row.width, row.words, row.variant)
        cases.setdefault(place, []).append(row)
    return list(cases.values())


def _quickest_of_case(rows: Sequence[Row]) -> list[Row]:
    return [min(case, key=_time) for case in _by_case(rows)]


def _margins(rows: Sequence[Row]) -> list[float]:
    """How many times as quick as the quickest other provider attnforge's quickest kernel is, by case."""
    margins = []
    for case in _by_case(rows):
        own = [_time(row) for row in case if row.provider.startswith(OWN)]
        others = [_time(row) for row in case if not row.provider.startswith(OWN)]
        if own and others:
            margins.append(min(others) / min(own))
    return margins


def _time(row: Row) -> float:
    return float("inf") if row.milliseconds is None else row.milliseconds
