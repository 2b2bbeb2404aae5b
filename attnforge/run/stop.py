"""Stopping politely: the first signal asks the loop to save and leave, the second one interrupts."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType


class StopSignal:
    """While entered, Ctrl-C and SIGTERM only raise a flag, which the loop reads between steps."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopSignal:
        for one in self.SIGNALS:
            self._before[one] = signal.signal(one, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)  # type: ignore[arg-type]

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
