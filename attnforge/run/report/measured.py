"""What was measured at the checkpoints of a run: a table of all of it, and points for the curves."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attnforge.evaluate.headlines import headlines, is_share, short, withheld, written
from attnforge.run.folder import RunFolder
from attnforge.run.measured import Measurement, read_measurements


def measurements_of(folder: Path, *, phases: Sequence[str]) -> list[Measurement]:
    """The measurements of a run in the order of training; none where there is no whole one."""
    return read_measurements(RunFolder(folder), phases=phases)


def points(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Rows for the curves: the headline figures of the protocol that was measured most often.

    A single measurement makes no curve, and figures of different protocols make no common one.
    """
    counts = Counter(one.protocol_digest for one in measurements)
    if not counts or counts.most_common(1)[0][1] < 2:
        return []
    most = counts.most_common(1)[0][0]
    return [
        {
            "phase": one.phase,
            "step": one.step,
            **{short(name): one.metrics[name] for name in headlines(one.metrics)},
        }
        for one in measurements
        if one.protocol_digest == most
    ]


def section(measurements: Sequence[Measurement]) -> list[tuple[str, str]]:
    """A title and a table as HTML; nothing when nothing was measured."""
    if not measurements:
        return []
    names = list(dict.fromkeys(name for one in measurements for name in headlines(one.metrics)))
    shares = {name for name in names if any(is_share(name, one.metrics) for one in measurements)}
    titles = [name + (" (%)" if name in shares else "") for name in names]
    head = ["weights", "epoch", "captions", "protocol", *titles]
    rows = [
        [
            one.name,
            "" if one.epoch is None else f"{one.epoch:g}",
            str(one.metrics.get("captions", "")),
            one.protocol_digest,
            *(written(name, one.metrics) for name in names),
        ]
        for one in measurements
    ]
    reasons = dict.fromkeys(
        f"{name} is withheld: {reason}."
        for one in measurements
        for name, reason in withheld(one.metrics).items()
    )
    notes = "".join(_cell("p", reason) for reason in reasons)
    body = "".join(f"<tr>{''.join(_cell('td', cell) for cell in row)}</tr>" for row in rows)
    return [
        (
            "Figures at each checkpoint",
            '<div class="scroll" tabindex="0" role="region" aria-label="Figures at each checkpoint">'
            f'<table class="figures"><thead><tr>{"".join(_cell("th", title) for title in head)}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>{notes}"
            "<p>Compare figures of the same protocol only: it stands for the data, the captions, the seeds "
            "and the metrics with their options, which the files in <code>measured/</code> spell out.</p>",
        )
    ]


def _cell(tag: str, text: str) -> str:
    return f"<{tag}>{html.escape(text)}</{tag}>"
