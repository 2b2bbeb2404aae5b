"""Which checkpoints of a phase stay on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Retention:
    """The rule by which the checkpoints of a phase are kept; one that any part names stays."""

    last: int
    """How many of the newest, at least 1."""
    every: int = 0
    """Those whose step is a multiple of this; 0 for none."""
    best: str | None = None
    """The name of the best by a metric, such as `gan-0001000`."""

    def surplus(self, folders: Sequence[tuple[int, Path]]) -> list[Path]:
        """The folders that the rule does not keep, from those of a phase by step."""
        return [folder for step, folder in folders[: -self.last] if not self._keeps(step, folder)]

    def _keeps(self, step: int, folder: Path) -> bool:
        return folder.name == self.best or (self.every > 0 and step % self.every == 0)
