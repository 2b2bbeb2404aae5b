"""The run folder: where the files of a run are, and how the small ones are written."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnforge.errors import Problem, RunError
from attnforge.recipe.seal import seal

_ROW_KEYS = frozenset({"phase", "step", "seconds"})
"""Keys of every row of metrics.jsonl besides its scalars."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run on disk.

    recipe.yaml  recipe.lock.yaml   the recipe as written; as resolved, with versions and digest
    metrics.jsonl  log.jsonl        every scalar; every event
    samples/                        images of fixed captions and noise, during training
    checkpoints/                    see attnforge.storage.checkpoints
    result.json                     the metrics measured at the end
    report.html                     see attnforge.report
    """

    path: Path

    @classmethod
    def create(cls, path: Path, *, recipe: str, lock: str) -> RunFolder:
        """Create a run with its recipe as written and as frozen; an existing run keeps its own.

        Raises:
            RunError: the folder cannot be written.
        """
        run = cls(path)
        try:
            run.checkpoints.mkdir(parents=True, exist_ok=True)
            run.samples.mkdir(exist_ok=True)
        except OSError as error:
            raise _not_written(path, error) from error
        if not run.lock.exists():
            run.write_recipe(recipe=recipe, lock=lock)
        return run

    def write_recipe(self, *, recipe: str, lock: str) -> None:
        """Write the recipe as written and as frozen, the latter sealed with a digest.

        Raises:
            RunError: the folder cannot be written.
        """
        try:
            write_text(self.recipe, recipe)
            write_text(self.lock, seal(lock))
        except OSError as error:
            raise _not_written(self.path, error) from error

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def lock(self) -> Path:
        return self.path / "recipe.lock.yaml"

    def log_scalars(self, *, phase: str, step: int, seconds: float, values: Mapping[str, float]) -> None:
        """Append a line to metrics.jsonl; `seconds` is training time since the start, without pauses."""
        row = {"phase": phase, "step": step, "seconds": round(seconds, 3), **values}
        _append(self.path / "metrics.jsonl", row)

    def log_event(self, event: str, **details: Any) -> None:
        """Append a line to log.jsonl."""
        _append(self.path / "log.jsonl", {"time": round(time.time(), 3), "event": event, **details})

    def events(self, event: str) -> Iterator[dict[str, Any]]:
        """The lines of log.jsonl about an event; lines damaged by a kill or a full disk are skipped."""
        rows = _rows(self.path / "log.jsonl", keys=frozenset({"event"}))
        return (row for row in rows if row["event"] == event)

    def scalars(self) -> Iterator[dict[str, Any]]:
        """The rows of metrics.jsonl; lines damaged by a kill or a full disk are skipped."""
        yield from _rows(self.path / "metrics.jsonl", keys=_ROW_KEYS)

    def delete_scalars(self) -> None:
        """Delete all scalars, because training starts from step 0."""
        (self.path / "metrics.jsonl").unlink(missing_ok=True)

    def delete_scalars_after(self, *, phase: str, step: int, later: Sequence[str]) -> float:
        """Delete the scalars after the checkpoint that is resumed; returns its training time in seconds.

        Without this a resumed run would log the steps between the checkpoint and the stop twice.
        """
        kept = [
            row
            for row in self.scalars()
            if row["phase"] not in later and not (row["phase"] == phase and row["step"] > step)
        ]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
        write_text(self.path / "metrics.jsonl", text)
        return float(kept[-1]["seconds"]) if kept else 0.0

    def write_json(self, name: str, value: Any) -> Path:
        """Write a small JSON file atomically."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")
        return path

    def read_json(self, name: str) -> Any:
        """The content of a small JSON file of the run; None when the file is missing."""
        path = self.path / name
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def write_text(path: Path, text: str) -> None:
    """Write a file atomically: a reader sees the old text or the new, never a part."""
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _not_written(path: Path, error: OSError) -> RunError:
    return RunError(
        Problem(
            code="run-not-written",
            message=f"the run folder {path} cannot be written: {error}",
            expected="a writable folder",
            next_step="attnforge train RECIPE --out FOLDER",
        )
    )


def _append(path: Path, row: Mapping[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def _rows(path: Path, *, keys: frozenset[str]) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and row.keys() >= keys:
                yield row
