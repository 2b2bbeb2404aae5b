"""The rows of the table: measurements of one provider in one mode, and the machine."""

from __future__ import annotations

import csv
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from kernel_cases import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One provider in one mode; values that were not or cannot be measured are None."""

    operation: str
    mode: str
    """`inference`, `forward`, `backward`, or `both` passes of a training step."""
    provider: str
    device: str
    threads: int
    dtype: str
    batch: int
    queries: int
    width: int
    words: int
    variant: str = ""
    """`ragged`, `joined` and `channels-last`, as far as they apply."""
    allocator: str = ""
    """`keeping` where freed memory was kept, so that the system need not clear it again."""
    rounds: int = 0
    clock: str = ""
    """Of the milliseconds: `processor` time of all threads together, or time that passed on the `device`."""
    milliseconds: float | None = None
    """The median over the repetitions."""
    milliseconds_20: float | None = None
    """The 20% quantile."""
    milliseconds_80: float | None = None
    wall_milliseconds: float | None = None
    wall_milliseconds_20: float | None = None
    wall_milliseconds_80: float | None = None
    ratio: float | None = None
    """Speed relative to the official formulas: the median over repetitions in which both ran."""
    ratio_20: float | None = None
    ratio_80: float | None = None
    wall_ratio: float | None = None
    wall_ratio_20: float | None = None
    wall_ratio_80: float | None = None
    roofline: float | None = None
    """The least time that the device could need, as a share of that taken."""
    roofline_padded: float | None = None
    """The same, where a GPU's padding of words and regions counts as work."""
    bound: str = ""
    """Which is scarce at the roofline: `operations` or `bytes`."""
    teraoperations_per_second: float | None = None
    """Of the products of matrices, without padding and without what is computed again."""
    gigabytes_per_second: float | None = None
    """Inputs read once and results written once."""
    peak_teraoperations: float | None = None
    """A second, measured in a large product in the same run."""
    peak_gigabytes: float | None = None
    """A second, measured in a large copy in the same run."""
    kept_megabytes: float | None = None
    """For the backward pass, inputs included."""
    kept_beside_inputs_megabytes: float | None = None
    peak_megabytes: float | None = None
    """The most that is held at a time beside the inputs."""
    error: float | None = None
    """The largest of the result (or with a backward pass of the gradients), relative to the largest number;
    compared with float64."""
    note: str = ""
    """Why it was not measured."""
    python: str = ""
    torch: str = ""
    triton: str = ""
    commit: str = ""


COLUMNS = tuple(field.name for field in fields(Row))


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a run is measured on, and with."""

    device: str
    python: str
    torch: str
    triton: str
    commit: str
    allocator: str


def about(device: str, *, keeping: bool = False, commit: str | None = None) -> About:
    """What this process measures on, and with.

    Args:
        device: What the machine is called in the results.
        keeping: Whether the allocator keeps freed memory.
        commit: What is measured, where git cannot tell.
    """
    return About(
        device=device,
        python=platform.python_version(),
        torch=torch.__version__,
        triton=_version("triton"),
        commit=commit_here() if commit is None else commit,
        allocator="keeping" if keeping else "",
    )


def row_of(case: Case, provider: str, mode: str, *, on: About) -> Row:
    """A row without measurements."""
    facts = {"ragged": case.ragged, "joined": case.joined, "channels-last": case.channels_last}
    return Row(
        operation=case.operation,
        mode=mode,
        provider=provider,
        threads=torch.get_num_threads(),
        dtype=str(case.dtype).removeprefix("torch."),
        batch=case.batch,
        queries=case.queries,
        width=case.width,
        words=case.words,
        variant=" ".join(name for name, applies in facts.items() if applies),
        **asdict(on),
    )


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a table that spreadsheets read, numbers with four digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as opened:
        table = csv.DictWriter(opened, fieldnames=COLUMNS, lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow({name: _short(value) for name, value in asdict(row).items()})


def read_rows(path: Path) -> list[Row]:
    """Read what `write_rows` wrote."""
    whole = {"threads", "batch", "queries", "width", "words", "rounds"}
    texts = {field.name for field in fields(Row) if field.type == "str"}
    rows = []
    with path.open(newline="") as opened:
        for line in csv.DictReader(opened):
            found: dict[str, object] = {}
            for name, text in line.items():
                if name in texts:
                    found[name] = text
                else:
                    found[name] = (int(text) if name in whole else float(text)) if text else None
            rows.append(Row(**found))  # type: ignore[arg-type]
    return rows


def lines_of(rows: Sequence[Row]) -> list[str]:
    """A table for the terminal."""
    lines = [
        f"{'provider':38}{'mode':11}{'ms':>10}{'20-80%':>18}{'wall ms':>10}{'ratio':>8}{'20-80%':>14}"
        f"{'roof':>7}{'padded':>8}{'kept MB':>10}{'peak MB':>10}{'error':>9}"
    ]
    for row in rows:
        begin = f"{row.provider:38}{row.mode:11}"
        if row.note and row.milliseconds is None:
            lines.append(f"{begin}  {row.note}")
            continue
        lines.append(
            begin
            + f"{_number(row.milliseconds, '.3f'):>10}"
            + f"{_span(row.milliseconds_20, row.milliseconds_80, '.3f'):>18}"
            + f"{_number(row.wall_milliseconds, '.3f'):>10}{_number(row.ratio, '.2f'):>8}"
            + f"{_span(row.ratio_20, row.ratio_80, '.2f'):>14}"
            + f"{_number(row.roofline, '.0%'):>7}{_number(row.roofline_padded, '.0%'):>8}"
            + f"{_number(row.kept_megabytes, '.1f'):>10}{_number(row.peak_megabytes, '.1f'):>10}"
            + f"{_number(row.error, '.0e'):>9}"
        )
    return lines


def commit_here() -> str:
    """The commit that is measured, with `+` behind it where files were changed since; empty without git."""
    folder = Path(__file__).parent
    try:
        name, changed = (
            subprocess.run(  # noqa: S603
                ["git", *arguments],  # noqa: S607
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            for arguments in (
                ("rev-parse", "--short=12", "HEAD"),
                ("status", "--porcelain", "--", "../attnforge", "."),
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{name}+" if changed else name


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _short(value: object) -> object:
    return f"{value:.4g}" if isinstance(value, float) else value


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _span(low: float | None, high: float | None, form: str) -> str:
    return "-" if low is None or high is None else f"{low:{form}}-{high:{form}}"
