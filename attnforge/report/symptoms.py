"""The section "Signs of failure" of a report: the symptoms that monitors logged during training."""

from __future__ import annotations

from html import escape
from pathlib import Path

from attnforge.report.events import events

KEYS = ("phase", "step", "message", "remedy")


def section(run: Path) -> list[tuple[str, str]]:
    """One section with a row for each symptom; none without symptoms. Damaged lines are skipped."""
    rows = "".join(
        f"<tr><th>{escape(phase)}, step {escape(step)}</th><td>{escape(message)}.</td>"
        f"<td>What usually helps: {escape(remedy)}.</td></tr>"
        for phase, step, message, remedy in _symptoms(run)
    )
    return [("Signs of failure", f'<table class="metrics"><tbody>{rows}</tbody></table>')] if rows else []


def _symptoms(run: Path) -> list[tuple[str, ...]]:
    symptoms = (entry for entry in events(run) if entry.get("event") == "symptom")
    return [tuple(str(entry.get(key, "")) for key in KEYS) for entry in symptoms]
