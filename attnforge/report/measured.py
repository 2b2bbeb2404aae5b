"""The metrics of a run's checkpoints: as a table, and as points of the curves."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attnforge.evaluate.headlines import headlines, is_share, short, with_unit, withheld, written
from attnforge.evaluate.measured import Measurement, read_measurements
from attnforge.storage.folder import RunFolder


def measurements_of(folder: Path, *, phases: Sequence[str]) -> list[Measurement]:
    """The intact measurements of a run, in the order of training."""
    return read_measurements(RunFolder(folder), phases=phases)


def points(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Rows for the curves: the headline metrics of the protocol that was measured most often.

    A single measurement does not make a curve, and metrics of different protocols are not mixed in one.
    """
    counts = Counter(measurement.protocol_digest for measurement in measurements)
    if not counts or counts.most_common(1)[0][1] < 2:
        return []
    protocol = counts.most_common(1)[0][0]
    return [
        {
            "phase": measurement.phase,
            "step": measurement.step,
            **_in_units(measurement.metrics),
        }
        for measurement in measurements
        if measurement.protocol_digest == protocol
    ]


def _in_units(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The headline metrics by their titles, shares in per cent as in tables."""
    shares = {name: is_share(name, metrics) for name in headlines(metrics)}
    return {
        with_unit(short(name), share=share): (100 if share else 1) * metrics[name]
        for name, share in shares.items()
    }


def section(measurements: Sequence[Measurement]) -> list[tuple[str, str]]:
    """A title and a table as HTML; empty when there are no measurements."""
    if not measurements:
        return []
    results = [measurement.metrics for measurement in measurements]
    names = list(dict.fromkeys(name for metrics in results for name in headlines(metrics)))
    shares = {name for name in names if any(is_share(name, metrics) for metrics in results)}
    titles = [with_unit(name, share=name in shares) for name in names]
    head = ["weights", "epoch", "captions", "protocol", *titles]
    rows = [
        [
            measurement.name,
            "" if measurement.epoch is None else f"{measurement.epoch:g}",
            str(measurement.metrics.get("captions", "")),
            measurement.protocol_digest,
            *(written(name, measurement.metrics) for name in names),
        ]
        for measurement in measurements
    ]
    reasons = dict.fromkeys(
        f"{name} is withheld: {reason}." for metrics in results for name, reason in withheld(metrics).items()
    )
    notes = "".join(_cell("p", reason) for reason in reasons)
    body = "".join(f"<tr>{''.join(_cell('td', cell) for cell in row)}</tr>" for row in rows)
    return [
        (
            "Metrics at each checkpoint",
            '<div class="scroll" tabindex="0" role="region" aria-label="Metrics at each checkpoint">'
            f'<table class="metrics"><thead><tr>{"".join(_cell("th", title) for title in head)}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>{notes}"
            "<p>Compare only values of the same protocol, which covers the data, the captions, the seeds "
            "and the metrics with their options; the files in <code>measured/</code> list them.</p>",
        )
    ]


def _cell(tag: str, text: str) -> str:
    return f"<{tag}>{html.escape(text)}</{tag}>"
