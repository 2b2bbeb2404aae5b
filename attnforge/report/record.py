"""Reads the files of a run folder for the report.

A report is most useful when a run went wrong, so a missing or damaged file does not raise: it becomes a note
on the page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from attnforge.evaluate.measured import Measurement
from attnforge.report.measured import measurements_of, points
from attnforge.storage.captions import fixed_captions


@dataclass(slots=True)
class Record:
    """The content of a run folder."""

    name: str
    """The recipe's name, or the folder's if the frozen recipe has none."""
    summary: str = ""
    recipe: str = ""
    """The frozen recipe as text."""
    metrics: list[dict[str, Any]] = field(default_factory=list)
    """The intact lines of metrics.jsonl, then the metrics of checkpoints; each has `phase` and `step`."""
    result: dict[str, Any] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    """The measurements of checkpoints, in the order of training."""
    phases: list[str] = field(default_factory=list)
    """The phases of the recipe, in order."""
    captions: list[str] = field(default_factory=list)
    """The fixed captions, in the order of their images."""
    notes: list[str] = field(default_factory=list)
    """What is missing or damaged, one sentence each."""


def read_record(folder: Path) -> Record:
    """Read a run folder; does not raise for a missing or damaged file."""
    record = Record(name=folder.resolve().name)
    _read_recipe(folder, record)
    _read_metrics(folder / "metrics.jsonl", record)
    record.measurements = measurements_of(folder, phases=record.phases)
    record.metrics += points(record.measurements)
    if record.measurements and not (folder / "result.json").exists():
        record.result = record.measurements[-1].metrics  # of a run that was imported or stopped early
    else:
        result = _json(folder / "result.json", record, "There are no metrics yet")
        if isinstance(result, dict):
            record.result = result
    record.captions = fixed_captions(folder, record.notes)
    return record


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
        record.notes.append(f"metrics.jsonl has {broken} line(s) that cannot be read; they are ignored.")
    if not record.metrics:
        record.notes.append("There are no curves: metrics.jsonl has no scalars.")


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _json(path: Path, record: Record, note: str) -> Any:
    text = _text(path)
    if text is None:
        record.notes.append(f"{note}: {path.name} is missing.")
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        record.notes.append(f"{note}: {path.name} is not valid JSON.")
        return None
