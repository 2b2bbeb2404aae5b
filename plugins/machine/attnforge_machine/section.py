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
    """The title and the HTML of the section; nothing when the run was not watched."""
    file = run / FILE
    if not file.is_file():
        return []
    known = json.loads(file.read_text(encoding="utf-8"))
    totals = Totals.of(known["totals"])
    charts = [
        line(rates(totals.points, known["batch_sizes"]), title="Images a second", unit=""),
        line(memory(totals.points, "process_bytes"), title="Memory of the process", unit="GiB"),
        line(memory(totals.points, "gpu_bytes"), title="Memory of the GPU", unit="GiB"),
    ]
    parts = [
        table("What it ran on", ["", ""], list(facts(known))),
        table(
            "Networks",
            ["network", "phase", "parameters", "trained", "bytes"],
            list(networks(known["networks"])),
        ),
        table(
            "Speed",
            ["phase", "steps", "epochs", "images a second", "time"],
            list(speeds(totals, known["batch_sizes"])),
        ),
        f'<div class="charts">{"".join(charts)}</div>' if any(charts) else "",
    ]
    if not totals.whole:
        parts.append("<p>Counted from a checkpoint on that was saved without this plugin.</p>")
    return [("Machine", "\n".join(part for part in parts if part))]


def facts(known: Mapping[str, Any]) -> Iterator[list[str]]:
    """What the last command ran on."""
    session = known["sessions"][-1]
    processor = session["processor"]
    yield ["Device", str(known["device"])]
    for gpu in session["gpus"]:
        yield ["GPU", f"{gpu['name']}, {size(gpu['memory_bytes'])}, capability {gpu['capability']}"]
    counts = f"{counted(processor['cores'], 'core')}, {counted(session['threads'], 'thread')}"
    yield ["Processor", f"{processor['name']}, {counts}"]
    yield ["Memory", size(processor["memory_bytes"])]
    yield ["System", f"{session['platform']}, Python {session['python']}"]
    yield ["Versions", ", ".join(f"{name} {one}" for name, one in session["versions"].items())]
    if commit := session["commit"]:
        yield ["Commit", commit["id"][:12] + (", with changes" if commit["changed"] else "")]
    yield ["Command", shlex.join(session["command"])]
    ends = [f"{one['started']} ({one['ended'] or 'no end noted'})" for one in known["sessions"]]
    yield ["Started", "; ".join(ends)]


def networks(phases: Mapping[str, Mapping[str, Mapping[str, int]]]) -> Iterator[list[str]]:
    """How large each network is."""
    for phase, found in phases.items():
        for name, one in found.items():
            yield [name, phase, f"{one['parameters']:,}", f"{one['trained']:,}", size(one["bytes"])]


def speeds(totals: Totals, batch_sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """How fast each phase went."""
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
    """Images a second between two points of the same phase, at the seconds of the later one."""
    return [
        (now.seconds, (now.step - before.step) * batch_sizes[now.phase] / (now.seconds - before.seconds))
        for before, now in pairwise(points)
        if before.phase == now.phase and now.seconds > before.seconds
    ]


def memory(points: Sequence[Point], name: str) -> list[tuple[float, float]]:
    """GiB at the seconds of each point that knows them."""
    return [(point.seconds, held / 1024**3) for point in points if (held := getattr(point, name)) is not None]


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A titled HTML table; its first column names what the others say. Empty without rows."""
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
    """A number of things."""
    return f"{number} {name}{'' if number == 1 else 's'}"
