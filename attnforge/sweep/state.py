"""The state of a sweep, stored as `sweep.json` in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnforge.errors import Problem, RunError
from attnforge.storage.folder import write_text


@dataclass(frozen=True, slots=True)
class SweepState:
    """The runs that were started or finished, each with the digest of its recipe.

    Args:
        folder: The sweep's folder.
    """

    folder: Path

    def digest(self, name: str) -> str | None:
        """The digest of the recipe with which the run in this folder was started; None if it was not."""
        entry = self._read().get(name)
        exists = (self.folder / name / "recipe.lock.yaml").is_file()
        return str(entry["digest"]) if exists and entry else None

    def finished(self, name: str, digest: str) -> bool:
        """Whether the run in this folder was trained and measured to the end with this recipe."""
        entry = self._read().get(name, {})
        return self.digest(name) == digest and bool(entry.get("finished"))

    def record(self, name: str, digest: str, *, finished: bool) -> None:
        """Save that a run has started or finished.

        Raises:
            RunError: The sweep's folder cannot be written.
        """
        data = {**self._read(), name: {"digest": digest, "finished": finished}}
        write_file(self.folder / "sweep.json", json.dumps({"runs": data}, indent=1) + "\n")

    def _read(self) -> dict[str, Any]:
        try:
            runs = json.loads((self.folder / "sweep.json").read_text(encoding="utf-8"))["runs"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        return runs if isinstance(runs, dict) else {}


def write_file(path: Path, text: str) -> None:
    """Write a file of the sweep's folder atomically, creating the folder if missing.

    Raises:
        RunError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        message = f"the sweep's folder {path.parent} cannot be written: {error.strerror or error}"
        step = "attnforge sweep SWEEP --out FOLDER"
        raise RunError(Problem("run-not-written", message, None, "a writable folder", step)) from error
