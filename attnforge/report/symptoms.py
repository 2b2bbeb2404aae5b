"""The section "Signs of failure" of a report: the symptoms that monitors logged during training."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

KEYS = ("phase", "step", "message", "remedy")


def section(run: Path) -> list[tuple[str, str]]:
    """One section with a row for each symptom; none without symptoms. Damaged lines are skipped."""
    rows = "".join(
        f"<tr><th>{escape(phase)}, step {escape(step)}</th><td>{escape(message)}.</td>"
        f"<td>What usually helps: {escape(remedy)}.</td></tr>"
        for phase, step, message, remedy in _symptoms(run / "log.jsonl")
    )
    return [("Signs of failure", f'<table class="metrics"><tbody>{rows}</tbody></table>')] if rows else []


def _symptoms(log: Path) -> list[tuple[str, ...]]:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    symptoms = []
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and entry.get("event") == "symptom":
            symptoms.append(tuple(str(entry.get(key, "")) for key in KEYS))
    return symptoms
