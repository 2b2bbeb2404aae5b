"""Follows which checkpoint of a run is the best by the metric of `training.keep_best`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from attnforge.evaluate.measured import Measurement, protocol_digest, protocol_of, read_measurements
from attnforge.optional import Better
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.keeping import better_of
from attnforge.storage.best import Best, delete_best, write_best
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.search import read_checkpoint
from attnforge.storage.folder import RunFolder


class BestCheckpoint:
    """The best checkpoint of a run so far; of equal ones, the first.

    It is determined from the measurements of the run's protocol, so that a resumed run knows the best that
    it had at the checkpoint where it resumes.

    Args:
        run: The run.
        metric: Name of the metric in the recipe's `evaluation.metrics`; None when none is followed.
        better: Whether higher or lower values are better.
        protocol: Digest of the protocol; measurements of another one are not comparable.
    """

    def __init__(self, run: RunFolder, *, metric: str | None, better: Better, protocol: str) -> None:
        self.run = run
        self.metric = metric
        self.better: Better = better
        self.protocol = protocol
        self.current: Best | None = None
        self._on_disk: set[str] = set()

    @classmethod
    def of(cls, run: RunFolder, resolved: ResolvedRecipe, *, metric: str | None) -> BestCheckpoint:
        """The best by a metric of a recipe, or of none."""
        if metric is None:
            return cls(run, metric=None, better="higher", protocol="")
        better = better_of(resolved, metric) or "higher"
        return cls(run, metric=metric, better=better, protocol=protocol_digest(protocol_of(resolved)))

    @property
    def name(self) -> str | None:
        """The name of the best checkpoint, which may not be on disk yet."""
        return None if self.current is None else self.current.checkpoint

    def start_from_scratch(self) -> None:
        """Forget what an earlier attempt measured."""
        delete_best(self.run)

    def resume(self, checkpoint: Checkpoint, *, phases: Sequence[str], warn: Callable[[str], None]) -> None:
        """Determine the best of the intact checkpoints up to the one where training resumes.

        Args:
            checkpoint: Where training resumes.
            phases: The phases of the recipe, in order.
            warn: Called when the best that was measured is missing or damaged.
        """
        self._on_disk.add(checkpoint.folder.name)
        unusable: list[str] = []
        for best in self._measured_best_first(phases):
            folder = self.run.checkpoints / best.checkpoint
            read = read_checkpoint(folder) if folder.is_dir() else f"{folder}: it is not on disk"
            if isinstance(read, Checkpoint):
                self.current = best
                self._on_disk.add(best.checkpoint)
                break
            unusable.append(str(read))
        if unusable:
            others = f"the best of the others is {self.name}" if self.name else "no other has been measured"
            warn(f"the best checkpoint by `{self.metric}` cannot be used: {unusable[0]}; {others}")
        if self.current is not None:
            write_best(self.run, self.current)
        else:
            delete_best(self.run)

    def add(self, measurement: Measurement) -> None:
        """Compare a new measurement; if its checkpoint is on disk already, that is noted in `best.json`."""
        candidate = self._value_of(measurement)
        if candidate is None or (self.current is not None and not self._is_better(candidate, self.current)):
            return
        self.current = candidate
        if candidate.checkpoint in self._on_disk:
            write_best(self.run, candidate)

    def is_to_be_saved(self, name: str) -> bool:
        """Whether a checkpoint is the best and not on disk yet."""
        return name == self.name and name not in self._on_disk

    def note_saved(self, name: str, best: Best | None) -> None:
        """Note that a checkpoint is on disk; `best` is the best when it was saved."""
        self._on_disk.add(name)
        if best is not None and best.checkpoint in self._on_disk:
            write_best(self.run, best)

    def _measured_best_first(self, phases: Sequence[str]) -> list[Best]:
        values = [self._value_of(measurement) for measurement in read_measurements(self.run, phases=phases)]
        measured = [best for best in values if best is not None]
        return sorted(measured, key=lambda best: best.value, reverse=self.better == "higher")

    def _value_of(self, measurement: Measurement) -> Best | None:
        """What a measurement is compared by; None for another protocol or a value that was withheld."""
        if self.metric is None or measurement.protocol_digest != self.protocol:
            return None
        name = measurement.main.get(self.metric)
        value = measurement.metrics.get(name) if name is not None else None
        if name is None or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return Best(checkpoint=measurement.name, metric=name, value=float(value))

    def _is_better(self, candidate: Best, other: Best) -> bool:
        higher = candidate.value > other.value
        return higher if self.better == "higher" else candidate.value < other.value
