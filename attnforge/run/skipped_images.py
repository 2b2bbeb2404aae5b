"""Writes down which images a phase skips because they cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from attnforge.data.feeding.sample_loader import SkippedImage
from attnforge.storage.folder import RunFolder

EVENT = "image-skipped"


class SkippedImages:
    """Logs each skipped image once a run, and counts all of them when the phase ends, as a context manager.

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
        self._keys = set[str]()
        self.times = 0
        """How often an image was skipped; every epoch meets a damaged image again."""

    def add(self, image: SkippedImage) -> None:
        """Count an image that was skipped, and log it if the run has not skipped it before."""
        self.times += 1
        self._keys.add(image.key)
        if image.key not in self._logged:
            self._logged.add(image.key)
            self._run.log_event(EVENT, phase=self._phase, key=image.key, reason=image.reason)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.times:
            return
        images = len(self._keys)
        self._run.log_event("images-skipped", phase=self._phase, images=images, times=self.times)
        self._warn(
            f"phase {self._phase} skipped {images:,} damaged image{'s' if images > 1 else ''}, "
            f"{self.times:,} time{'s' if self.times > 1 else ''}: log.jsonl names each"
        )
