"""Renders the page from a template, a style sheet, scripts and one JSON object."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from attnforge.errors import Place, Problem, RunError
from attnforge.report.curves import curves
from attnforge.report.events import end_of
from attnforge.report.history import histories
from attnforge.report.images import embed
from attnforge.report.metrics import metrics
from attnforge.report.next_steps import next_steps
from attnforge.report.noises import Noises
from attnforge.report.record import read_record
from attnforge.sampling.generated import GeneratedImage
from attnforge.sheets.inlined import embedded, filled, policy
from attnforge.storage.folder import write_text

SCRIPTS = (
    *("dom.js", "metrics.js", "maps.js", "attention.js", "strongest.js", "noises.js"),
    *("history.js", "chart.js", "curves.js", "next.js", "page.js"),
)


def write_report(
    folder: Path,
    *,
    samples: Sequence[GeneratedImage],
    noises: Noises | None = None,
    sections: Sequence[tuple[str, str]] = (),
    extras: Mapping[str, Sequence[float]] | None = None,
    digest: str = "",
) -> Path:
    """Write `report.html` into a run folder: one file without external references.

    It shows the metrics, generated images with the attention maps of their words, the samples during training
    and the curves. The page lists what the folder lacks. The file is written atomically.

    Args:
        folder: The run folder.
        samples: Generated images to show with attention maps, in order.
        noises: The captions with other noise, beside real images.
        sections: More sections from plugins, each a title and an HTML fragment. The page's policy blocks
            scripts and external images of a fragment.
        extras: What the first of the images was generated with besides its caption, such as a box.
        digest: The digest of the recipe, which identifies the experiment; not shown when empty.

    Returns:
        The path of the report.

    Raises:
        RunError: The file cannot be written (`report-not-written`).
    """
    record = read_record(folder)
    history = histories(folder, record.captions)
    end = end_of(folder)
    notes = list(record.notes)
    if end.get("reason") == "failed":
        notes.insert(0, f"The last training failed with {end.get('error', 'an error')}.")
    if not samples:
        yet = "" if end.get("reason") == "finished" else " yet"
        notes.append(f"There are no images with attention maps: the run has no generator{yet}.")
    if not history:
        notes.append("There are no samples from training: this run has saved none.")
    data = {
        "name": record.name,
        "digest": digest,
        "summary": record.summary,
        "recipe": record.recipe,
        "folder": folder.resolve().name,
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "notes": notes,
        "metrics": metrics(record.result),
        "samples": [embed(sample) for sample in samples],
        "noises": noises,
        "history": history,
        "phases": curves(record.metrics),
        "next": next_steps(folder, caption=samples[0].caption if samples else None, extras=extras or {}),
        "sections": [{"title": title, "html": body} for title, body in sections],
    }
    path = folder / "report.html"
    _write(path, render(record.name, data))
    return path


def render(title: str, data: Any) -> str:
    """The HTML of the page.

    Its content security policy allows style and script by their hashes, and so blocks everything else:
    requests, and scripts in a caption.
    """
    style = _template("report.css")
    script = "\n".join(_template(name) for name in SCRIPTS)
    parts = {
        "policy": html.escape(policy(style=style, script=script, sources={"img-src": "data:"})),
        "title": html.escape(title.encode("utf-8", "replace").decode("utf-8")),
        "style": style,
        "script": script,
        "data": embedded(data),
    }
    return filled(_template("report.html"), parts)


def _template(name: str) -> str:
    return (files("attnforge.report") / "template" / name).read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise RunError(
            Problem(
                code="report-not-written",
                message=f"the report cannot be written: {error.strerror or error}",
                place=Place(source=str(path)),
                expected="a writable run folder, on a disk with free space",
                next_step=f"attnforge report {path.parent}",
            )
        ) from error
