"""Writes down which images a phase skips because they cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import TracebackType
from typing import Self

from attnforge.compute.collectives import rank, world_size
from attnforge.compute.processes import texts_of_processes
from attnforge.data.feeding.sample_loader import SkippedImage
from attnforge.storage.folder import RunFolder

EVENT = "image-skipped"


class SkippedImages:
    """Logs each skipped image once a run, and counts all of them when the phase ends, as a context manager.

    Of several processes, the first logs: its own images at once, those of the others in `exchange`.

    Args:
        run: The run, whose log names the images that were skipped before.
        phase: Name of the phase.
        warn: Called with the count.
    """

    def __init__(self, run: RunFolder, *, phase: str, warn: Callable[[str], None]) -> None:
        self._run = run
        self._phase = phase
        self._warn = warn
        self._logged = {str(event.get("key")) for event in run.events(EVENT)}
        self._reasons: dict[str, str] = {}
        self.times = 0
        """How often an image was skipped; every epoch meets a damaged image again."""

    def add(self, image: SkippedImage) -> None:
        """Count an image that was skipped, and log it if the run has not skipped it before."""
        self.times += 1
        self._reasons[image.key] = image.reason
        self._log(image.key, image.reason)

    def exchange(self) -> None:
        """Add what the other processes have skipped; all of them have to call it."""
        if world_size() == 1:
            return
        others = texts_of_processes(json.dumps([self.times, self._reasons]))
        for times, reasons in (json.loads(text) for number, text in enumerate(others) if number != rank()):
            self.times += times
            self._reasons |= reasons
            for key, reason in reasons.items():
                self._log(key, reason)

    def _log(self, key: str, reason: str) -> None:
        if key not in self._logged and rank() == 0:
            self._logged.add(key)
            self._run.log_event(EVENT, phase=self._phase, key=key, reason=reason)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.times or rank() > 0:
            return
        images = len(self._reasons)
        self._run.log_event("images-skipped", phase=self._phase, images=images, times=self.times)
        self._warn(
            f"phase {self._phase} skipped {images:,} damaged image{'s' if images > 1 else ''}, "
            f"{self.times:,} time{'s' if self.times > 1 else ''}: log.jsonl names each"
        )
