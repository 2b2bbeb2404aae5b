"""The captions of a run's fixed samples, in `samples/captions.json`."""

from __future__ import annotations

import json
from pathlib import Path


def fixed_captions(folder: Path, notes: list[str] | None = None) -> list[str]:
    """The fixed captions of a run, in order; empty if the file is missing or damaged.

    Args:
        folder: The run folder.
        notes: Where a sentence is added that says why there are none.
    """
    file, reason = folder / "samples" / "captions.json", ""
    entries = None
    try:
        entries = json.loads(file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        reason = "is missing"
    except (ValueError, RecursionError):
        reason = "is not valid JSON"
    if reason and notes is not None:
        notes.append(f"This run has no fixed captions: {file.name} {reason}.")
    if not isinstance(entries, list):
        return []
    return [str(entry["caption"]) for entry in entries if isinstance(entry, dict) and "caption" in entry]
