"""A section of the report with the command that shows the run in TensorBoard."""

from __future__ import annotations

import shlex
from html import escape
from pathlib import Path

FOLDER = "tensorboard"
"""The folder of the event files in a run."""


def section(run: Path) -> list[tuple[str, str]]:
    """One section, or none for a run that was not tracked."""
    folder = run / FOLDER
    if not folder.is_dir():
        return []
    command = f"tensorboard --logdir {shlex.quote(str(folder))}"
    return [("TensorBoard", f"<p>Show this run with: <code>{escape(command)}</code></p>")]
