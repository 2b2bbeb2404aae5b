"""The table of training: a row for every recipe and way of making a step."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(slots=True, kw_only=True)
class Row:
    """One way; what was not measured is None."""

    recipe: str
    what: str
    """`training`, `drawing` (images stay on the device) or `to disk`."""
    provider: str
    device: str
    batch: int
    steps: int = 0
    clock: str = ""
    """`device`: between events on it; `processor`: time of all threads."""
    milliseconds: float | None = None
    """A step, the median."""
    milliseconds_20: float | None = None
    """The 20% quantile."""
    milliseconds_80: float | None = None
    images_per_second: float | None = None
    ratio: float | None = None
    """Speed relative to the official implementation in float32, in the same run."""
    teraflop: float | None = None
    """Of a step: products and convolutions as they were called, a multiplication and an addition as two."""
    teraflop_per_second: float | None = None
    peak_teraflop_per_second: float | None = None
    """In a large product of the type that convolutions have, measured in the same run."""
    share_of_peak: float | None = None
    peak_convolution_teraflop_per_second: float | None = None
    """In a large convolution of 3 x 3."""
    peak_megabytes: float | None = None
    """The most that was held at a time, weights and optimizer state included."""
    kernels: int | None = None
    """That ran on the GPU in a step."""
    launches: int | None = None
    """Calls that the host made to start work on the GPU in a step."""
    waits: int | None = None
    """Times that the host waited for the GPU in a step."""
    triton_share: float | None = None
    """Of the time of all kernels, that of attnforge's own."""
    busy_share: float | None = None
    """Time of all kernels of a step by the median time of a step: with 1 the GPU never waits."""
    note: str = ""
    python: str = ""
    torch: str = ""
    triton: str = ""
    commit: str = ""


COLUMNS = tuple(field.name for field in fields(Row))


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a table that spreadsheets read, numbers with four digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as opened:
        table = csv.DictWriter(opened, fieldnames=COLUMNS, lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow({name: _short(value) for name, value in asdict(row).items()})


def lines_of(rows: Sequence[Row]) -> list[str]:
    """A table for the terminal."""
    lines = [
        f"{'provider':44}{'ms':>9}{'images/s':>10}{'ratio':>7}{'peak':>7}{'MB':>8}{'kernels':>9}"
        f"{'launches':>9}{'waits':>6}{'triton':>8}{'busy':>6}"
    ]
    for row in rows:
        begin = f"{row.provider:44}"
        if row.milliseconds is None:
            lines.append(f"{begin} {row.note}")
            continue
        lines.append(
            f"{begin}{row.milliseconds:9.2f}{row.images_per_second or 0:10.1f}{_number(row.ratio, '7.2f'):>7}"
            f"{_number(row.share_of_peak, '.1%'):>7}{_number(row.peak_megabytes, '.0f'):>8}"
            f"{_number(row.kernels, 'd'):>9}{_number(row.launches, 'd'):>9}{_number(row.waits, 'd'):>6}"
            f"{_number(row.triton_share, '.1%'):>8}{_number(row.busy_share, '.0%'):>6} {row.note}"
        )
    return lines


def _short(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else value


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
