"""What a run folder says, read as far as it can be read.

A report is most wanted when a run went wrong, so nothing here raises for a file that is absent or
damaged: what could not be read becomes a note on the page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from attnforge.run.measured import Measurement
from attnforge.run.report.measured import measurements_of, points


@dataclass(slots=True)
class Record:
    """The texts and figures of a run folder."""

    name: str
    """The recipe's name, or the folder's when the frozen recipe does not say."""
    summary: str = ""
    recipe: str = ""
    """The frozen recipe as text."""
    metrics: list[dict[str, Any]] = field(default_factory=list)
    """The lines of metrics.jsonl that are whole, then measured figures; each has `phase` and `step`."""
    result: dict[str, Any] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    """What was measured at checkpoints, in the order of training."""
    phases: list[str] = field(default_factory=list)
    """The phases of the recipe, in order."""
    captions: list[str] = field(default_factory=list)
    """The fixed captions, in the order of their images."""
    notes: list[str] = field(default_factory=list)
    """What is missing or damaged, each in one sentence."""


def read_record(folder: Path) -> Record:
    """Read what a run folder says about itself; never raises for a missing or damaged file."""
    record = Record(name=folder.resolve().name)
    _read_recipe(folder, record)
    _read_metrics(folder / "metrics.jsonl", record)
    record.measurements = measurements_of(folder, phases=record.phases)
    record.metrics += points(record.measurements)
    if record.measurements and not (folder / "result.json").exists():
        record.result = record.measurements[-1].metrics  # of a run that was imported or left early
    else:
        result = _json(folder / "result.json", record, "There are no measured figures yet")
        if isinstance(result, dict):
            record.result = result
    record.captions = fixed_captions(folder, record.notes)
    return record


def fixed_captions(folder: Path, notes: list[str] | None = None) -> list[str]:
    """The captions that a run draws again and again, in order; none where the file is missing or damaged."""
    record = Record(name="", notes=notes if notes is not None else [])
    entries = _json(folder / "samples" / "captions.json", record, "No captions were fixed for this run")
    if not isinstance(entries, list):
        return []
    return [str(entry["caption"]) for entry in entries if isinstance(entry, dict) and "caption" in entry]


def _read_recipe(folder: Path, record: Record) -> None:
    for name in ("recipe.lock.yaml", "recipe.yaml"):
        text = _text(folder / name)
        if text is None:
            continue
        record.recipe = text
        try:
            plain = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError):
            record.notes.append(f"{name} is not valid YAML.")
            return
        plain = plain if isinstance(plain, Mapping) else {}
        lock = plain.get("lock")
        lock = lock if isinstance(lock, Mapping) else {}
        record.name = str(lock.get("recipe") or record.name)
        record.summary = str(plain.get("summary") or "")
        phases = plain.get("phases")
        record.phases = [str(phase) for phase in phases] if isinstance(phases, Mapping) else []
        return
    record.notes.append("The recipe is missing: neither recipe.lock.yaml nor recipe.yaml can be read.")


def _read_metrics(path: Path, record: Record) -> None:
    text = _text(path)
    if text is None:
        record.notes.append("There are no curves: metrics.jsonl is missing.")
        return
    broken = 0
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            entry = {**entry, "phase": str(entry["phase"]), "step": int(entry["step"])}
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            broken += 1
            continue
        record.metrics.append(entry)
    if broken:
        record.notes.append(f"metrics.jsonl has {broken} line(s) that cannot be read; they are left out.")
    if not record.metrics:
        record.notes.append("There are no curves: metrics.jsonl has no figures.")


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _json(path: Path, record: Record, otherwise: str) -> Any:
    text = _text(path)
    if text is None:
        record.notes.append(f"{otherwise}: {path.name} is missing.")
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        record.notes.append(f"{otherwise}: {path.name} is not valid JSON.")
        return None
