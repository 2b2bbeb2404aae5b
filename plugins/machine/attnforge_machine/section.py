"""The section "Machine" of a run's report, from machine.json."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from attnforge_machine.chart import elapsed, line, number, size
from attnforge_machine.totals import Point, Totals
from attnforge_machine.watch import FILE


def sections(run: Path) -> list[tuple[str, str]]:
    """The title and the HTML of the section; empty if the run was not observed."""
    file = run / FILE
    if not file.is_file():
        return []
    record = json.loads(file.read_text(encoding="utf-8"))
    totals = Totals.of(record["totals"])
    charts = [
        line(rates(totals.points, record["batch_sizes"]), title="Images per second", unit=""),
        line(memory(totals.points, "process_bytes"), title="Memory of the process", unit="GiB"),
        line(memory(totals.points, "gpu_bytes"), title="Memory of the GPU", unit="GiB"),
    ]
    parts = [
        table("Hardware and software", ["", ""], list(facts(record))),
        table(
            "Networks",
            ["network", "phase", "parameters", "trained", "bytes"],
            list(networks(record["networks"])),
        ),
        table(
            "Speed",
            ["phase", "steps", "epochs", "images per second", "time"],
            list(speeds(totals, record["batch_sizes"])),
        ),
        f'<div class="charts">{"".join(charts)}</div>' if any(charts) else "",
    ]
    if not totals.whole:
        parts.append("<p>Counted from a checkpoint that was saved without this plugin.</p>")
    return [("Machine", "\n".join(part for part in parts if part))]


def facts(record: Mapping[str, Any]) -> Iterator[list[str]]:
    """Hardware, software and command of the last session."""
    session = record["sessions"][-1]
    processor = session["processor"]
    yield ["Device", str(record["device"])]
    for gpu in session["gpus"]:
        yield ["GPU", f"{gpu['name']}, {size(gpu['memory_bytes'])}, capability {gpu['capability']}"]
    counts = f"{counted(processor['cores'], 'core')}, {counted(session['threads'], 'thread')}"
    yield ["Processor", f"{processor['name']}, {counts}"]
    yield ["Memory", size(processor["memory_bytes"])]
    yield ["System", f"{session['platform']}, Python {session['python']}"]
    yield ["Versions", ", ".join(f"{name} {version}" for name, version in session["versions"].items())]
    if commit := session["commit"]:
        yield ["Commit", commit["id"][:12] + (", with changes" if commit["changed"] else "")]
    yield ["Command", shlex.join(session["command"])]
    starts = [f"{it['started']} ({it['ended'] or 'end unknown'})" for it in record["sessions"]]
    yield ["Started", "; ".join(starts)]


def networks(phases: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Iterator[list[str]]:
    """The size of each network."""
    for phase, sizes in phases.items():
        for name, counts in sizes.items():
            row = [f"{counts['parameters']:,}", f"{counts['trained']:,}", size(counts["bytes"])]
            yield [name, phase, *row]


def speeds(totals: Totals, batch_sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """The speed of each phase."""
    for phase, span in totals.spans.items():
        rate = span.steps_per_second
        yield [
            phase,
            str(span.last_step),
            str(totals.epochs.get(phase, 0)),
            "-" if rate is None else number(rate * batch_sizes[phase]),
            elapsed(span.last_seconds - span.first_seconds),
        ]


def rates(points: Sequence[Point], batch_sizes: Mapping[str, int]) -> list[tuple[float, float]]:
    """Images per second between two points of the same phase, at the time of the later one."""
    return [
        (end.seconds, (end.step - start.step) * batch_sizes[end.phase] / (end.seconds - start.seconds))
        for start, end in pairwise(points)
        if start.phase == end.phase and end.seconds > start.seconds
    ]


def memory(points: Sequence[Point], name: str) -> list[tuple[float, float]]:
    """GiB at the time of each point that has the value."""
    return [(it.seconds, held / 1024**3) for it in points if (held := getattr(it, name)) is not None]


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A titled HTML table with row headers in its first column; empty without rows."""
    if not rows:
        return ""
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    first = f"<thead><tr>{titles}</tr></thead>" if any(head) else ""
    body = "".join(
        f"<tr><th>{escape(row[0])}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in row[1:])}</tr>"
        for row in rows
    )
    return (
        f'<h3>{title}</h3><div class="scroll" tabindex="0" role="region" aria-label="{title}">'
        f'<table class="metrics">{first}<tbody>{body}</tbody></table></div>'
    )


def counted(number: int, name: str) -> str:
    """A count with its noun."""
    return f"{number} {name}{'' if number == 1 else 's'}"
