"""Compares results of several systems by one protocol."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.errors import Problem, RunError
from attnforge.evaluate.headlines import (
    DEVIATION,
    headlines,
    is_share,
    notes,
    short,
    title,
    with_unit,
    withheld,
    written,
)
from attnforge.evaluate.results import Result, differences
from attnforge.seeds import derive_seed

Format = Literal["terminal", "markdown", "csv", "latex"]
RESAMPLINGS = 2_000
INTERVAL = 0.95
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Interval:
    """The difference of a system's value from the first system's, with a 95% interval."""

    difference: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Point:
    """A value with the ends of its interval, which are the value itself where nothing is known of it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """One value of all systems."""

    name: str
    cells: list[str]
    best: set[int]
    """Which systems have the best value, where the metric tells what is better."""
    intervals: list[Interval | None]
    """For the systems after the first, where the value is a mean over images."""
    share: bool
    """Whether cells are in per cent."""
    points: list[Point | None]
    """The value of each system for a plot, in the unit of the cells; None where it has none."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A table of systems and values."""

    systems: list[str]
    rows: list[Row]
    notes: list[str]

    def text(self, format: Format) -> str:
        """The table in a format.

        Args:
            format: `markdown`, `csv`, `latex` with booktabs, or `terminal`, which is aligned text.
        """
        return _FORMATS[format](self)

    def _repr_markdown_(self) -> str:
        return self.text("markdown")


def compare(results: Sequence[Result], *, anyway: bool = False, seed: int = 1) -> Comparison:
    """A table of all values that some of the results have, with intervals of their differences.

    Values that are means over images are compared image by image: the images of two systems for the same
    captions are resampled together (paired bootstrap), so that captions that are hard for both count little.

    Args:
        results: At least two.
        anyway: Compare results of different conditions, which a note then says.
        seed: Seed of the resampling.

    Raises:
        RunError: the results differ in conditions.
    """
    first = results[0]
    unlike = [(result, text) for result in results[1:] for text in differences(first, result)]
    if unlike and not anyway:
        raise RunError([_unlike(first, result, text) for result, text in unlike])
    names = list(dict.fromkeys(name for result in results for name in headlines(result.metrics)))
    comparable = [not differences(first, result) for result in results[1:]]
    rows = [_row(name, results, comparable, seed=seed) for name in names]
    remarks = [f"{first.system} and {result.system} differ in {text}" for result, text in unlike]
    for name in names:
        for text in dict.fromkeys(notes(result.metrics).get(name) for result in results):
            if text:
                remarks.append(f"{short(name)}: {text}")
    for result in results:
        remarks += [
            f"{short(name)} of {result.system}: {text}" for name, text in withheld(result.metrics).items()
        ]
    return Comparison(_titles(results), rows, remarks)


def _row(name: str, results: Sequence[Result], comparable: Sequence[bool], *, seed: int) -> Row:
    cells = [written(name, result.metrics) for result in results]
    best = _best(name, results) if all(comparable) else set()
    intervals = [
        paired_interval(results[0].per_image.get(name), result.per_image.get(name), seed=seed)
        if pairs
        else None
        for result, pairs in zip(results[1:], comparable, strict=True)
    ]
    share = any(is_share(name, result.metrics) for result in results)
    points = [_point(name, result, factor=100 if share else 1, seed=seed) for result in results]
    return Row(name, cells, best, intervals, share, points)


def _point(name: str, result: Result, *, factor: int, seed: int) -> Point | None:
    """A value with its 95% interval over images or, for other values, plus and minus its deviation."""
    value, spread = result.metrics.get(name), result.metrics.get(name + DEVIATION)
    if not isinstance(value, int | float):
        return None
    images = result.per_image.get(name)
    if images is not None and len(images):
        nothing = torch.stack((torch.zeros(len(images)), torch.ones(len(images))), dim=1).double()
        own = paired_interval(nothing, images, seed=seed)
        assert own is not None  # noqa: S101  (as many images)
        return Point(factor * value, factor * own.low, factor * own.high)
    spread = spread if isinstance(spread, int | float) else 0.0
    return Point(factor * value, factor * (value - spread), factor * (value + spread))


def _best(name: str, results: Sequence[Result]) -> set[int]:
    direction = next(
        (
            result.better[metric]
            for result in results
            for metric, main in result.main.items()
            if main == name and metric in result.better
        ),
        None,
    )
    values = {number: result.metrics[name] for number, result in enumerate(results) if name in result.metrics}
    if direction is None or len(values) < 2:
        return set()
    top = max(values.values()) if direction == "higher" else min(values.values())
    return {number for number, value in values.items() if value == top}


def paired_interval(
    first: Float[Tensor, "n 2"] | None, other: Float[Tensor, "m 2"] | None, *, seed: int
) -> Interval | None:
    """How much the second value exceeds the first; None unless both have the same number of images.

    Args:
        first: What each image adds to the first value, and its weight.
        other: The same of the second, for the same captions in the same order.
        seed: Seed of the resampling.
    """
    if first is None or other is None or len(first) != len(other) or not len(first):
        return None
    both = torch.cat((first, other), dim=1)
    numbers = torch.Generator().manual_seed(derive_seed(seed, "bootstrap"))
    drawn = []
    for _ in range(0, RESAMPLINGS, AT_ONCE):
        counts = torch.randint(len(both), (AT_ONCE, len(both)), generator=numbers)
        drawn.append(_quotients(both[counts].sum(dim=1)))
    tail = (1 - INTERVAL) / 2
    low, high = torch.quantile(torch.cat(drawn), torch.tensor([tail, 1 - tail]).double())
    return Interval(float(_quotients(both.sum(dim=0)[None])[0]), float(low), float(high))


def _quotients(sums: Float[Tensor, "k 4"]) -> Float[Tensor, "k"]:
    difference: Tensor = sums[:, 2] / sums[:, 3].clamp(min=1e-12) - sums[:, 0] / sums[:, 1].clamp(min=1e-12)
    return difference


def _titles(results: Sequence[Result]) -> list[str]:
    """The shortest ends of the paths that tell the systems apart."""
    paths = [Path(result.system).parts for result in results]
    for length in range(1, max(map(len, paths)) + 1):
        titles = ["/".join(parts[-length:]) for parts in paths]
        if len(set(titles)) == len(titles):
            return titles
    return [result.system for result in results]


def _unlike(first: Result, other: Result, text: str) -> Problem:
    message = f"the results of {first.system} and {other.system} cannot be compared: they differ in {text}"
    expected = "results of the same protocol, data and captions, or --anyway"
    return Problem("not-comparable", message, None, expected)


def _table(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """The titles of columns, and the cells of rows with intervals."""
    rows, names = [], [row.name for row in comparison.rows]
    for row in comparison.rows:
        cells = [with_unit(title(row.name, names), share=row.share)]
        for number, cell in enumerate(row.cells):
            interval = row.intervals[number - 1] if number else None
            cells.append(cell if interval is None else f"{cell} {_interval(interval, share=row.share)}")
        rows.append(cells)
    return ["metric", *comparison.systems], rows


def _interval(interval: Interval, *, share: bool) -> str:
    factor, digits = (100, 1) if share else (1, 3)
    low, high = (factor * bound for bound in (interval.low, interval.high))
    return f"[{low:+.{digits}f}, {high:+.{digits}f}]{'*' if interval.clear else ''}"


def _caption(comparison: Comparison) -> list[str]:
    lines = []
    if any(interval for row in comparison.rows for interval in row.intervals):
        lines.append(
            "In brackets: 95% interval of the difference from the first column, in the unit of the row, by "
            "paired bootstrap over images; * excludes 0."
        )
    full = [row.name for row in comparison.rows if row.name != short(row.name)]
    if full:
        lines.append(f"Full names: {'; '.join(full)}.")
    return [*lines, *(f"{note}." for note in comparison.notes)]


def _markdown(comparison: Comparison) -> str:
    titles, rows = _table(comparison)
    lines = [titles, ["---"] * len(titles)]
    for row, cells in zip(comparison.rows, rows, strict=True):
        bold = [f"**{cell}**" if n - 1 in row.best and cell else cell for n, cell in enumerate(cells)]
        lines.append([cells[0], *bold[1:]])
    table = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join([*table, "", *_caption(comparison)]).rstrip() + "\n"


def _terminal(comparison: Comparison) -> str:
    titles, rows = _table(comparison)
    widths = [max(len(line[column]) for line in (titles, *rows)) for column in range(len(titles))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (titles, ["-" * width for width in widths], *rows)
    ]
    return "\n".join([*lines, "", *_caption(comparison)]).rstrip() + "\n"


def _csv(comparison: Comparison) -> str:
    titles, rows = _table(comparison)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(titles)
    writer.writerows(
        [with_unit(row.name, share=row.share), *cells[1:]]
        for row, cells in zip(comparison.rows, rows, strict=True)
    )
    return stream.getvalue()


def _latex(comparison: Comparison) -> str:
    titles, rows = _table(comparison)
    lines = [
        f"\\begin{{tabular}}{{l{'r' * len(comparison.systems)}}}",
        "\\toprule",
        " & ".join(map(_escaped, titles)) + r" \\",
        "\\midrule",
    ]
    for row, cells in zip(comparison.rows, rows, strict=True):
        bold = [
            rf"\textbf{{{_escaped(cell)}}}" if number - 1 in row.best and cell else _escaped(cell)
            for number, cell in enumerate(cells)
        ]
        lines.append(" & ".join([_escaped(cells[0]), *bold[1:]]) + r" \\")
    comments = [f"% {line}" for line in _caption(comparison)]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", *comments]) + "\n"


_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
}
"""How LaTeX writes characters that mean something to it."""


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


_FORMATS = {"terminal": _terminal, "markdown": _markdown, "csv": _csv, "latex": _latex}
