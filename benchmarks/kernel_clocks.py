"""Clocks: processor and wall time of a processor, and the time of a GPU between events."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

import torch
from kernel_cases import Inputs
from kernel_providers import Run
from torch import Tensor

FLUSHED = 2**30
"""Bytes that are written before a GPU is timed: more than its cache, and long enough that what follows is
waiting when the GPU comes to it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How long a provider took once, in milliseconds."""

    own: dict[str, float]
    """By mode. Of a processor, the time that it worked, all threads together; of a GPU, the time that passed
    on it."""
    wall: dict[str, float]
    """The time that passed on the wall; nothing of a GPU."""


class Clock(Protocol):
    """Times a provider."""

    name: str

    def train(self, run: Run, inputs: Inputs) -> Turn:
        """A forward and a backward pass: `forward`, `backward` and `both` together."""
        ...

    def infer(self, run: Run, inputs: Inputs) -> Turn:
        """A forward pass that no backward pass follows: `inference`."""
        ...


class ProcessorClock:
    """For processors."""

    name = "processor"

    def train(self, run: Run, inputs: Inputs) -> Turn:
        """See `Clock`."""
        marks = [_now()]
        result = run(inputs)
        marks.append(_now())
        gradients = gradients_of(result, inputs)
        marks.append(_now())
        del result, gradients
        own, wall = zip(*marks, strict=True)
        return Turn(_modes(*own), _modes(*wall))

    def infer(self, run: Run, inputs: Inputs) -> Turn:
        """See `Clock`."""
        inputs = inputs.detached()
        begin = _now()
        with torch.no_grad():
            run(inputs)
        end = _now()
        return Turn({"inference": end[0] - begin[0]}, {"inference": end[1] - begin[1]})


class EventClock:
    """For GPUs: events before and after, with the cache emptied of the inputs."""

    name = "device"

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._filling = torch.empty(FLUSHED, dtype=torch.int8, device=device)

    def train(self, run: Run, inputs: Inputs) -> Turn:
        """See `Clock`."""
        marks = self._begin()
        result = run(inputs)
        marks.append(self._event())
        gradients = gradients_of(result, inputs)
        marks.append(self._event())
        del result, gradients
        return Turn(_modes(*self._read(marks)), {})

    def infer(self, run: Run, inputs: Inputs) -> Turn:
        """See `Clock`."""
        inputs = inputs.detached()
        marks = self._begin()
        with torch.no_grad():
            run(inputs)
        marks.append(self._event())
        return Turn({"inference": self._read(marks)[1]}, {})

    def _begin(self) -> list[torch.cuda.Event]:
        torch.cuda.synchronize(self._device)
        self._filling.zero_()
        return [self._event()]

    def _event(self) -> torch.cuda.Event:
        mark = event()
        mark.record()
        return mark

    def _read(self, marks: list[torch.cuda.Event]) -> list[float]:
        torch.cuda.synchronize(self._device)
        return [0.0, *(marks[0].elapsed_time(mark) for mark in marks[1:])]


def clock_for(device: torch.device) -> Clock:
    """The clock that suits a device."""
    return EventClock(device) if device.type == "cuda" else ProcessorClock()


def event() -> torch.cuda.Event:
    """An event of a GPU that knows when it took place."""
    made: torch.cuda.Event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    return made


def gradients_of(result: Tensor, inputs: Inputs) -> tuple[Tensor, ...]:
    """The gradients of the leaves."""
    return torch.autograd.grad(result, inputs.leaves, inputs.pull.to(result.dtype))


def _now() -> tuple[float, float]:
    return 1e3 * time.process_time(), 1e3 * time.perf_counter()


def _modes(begin: float, middle: float, end: float) -> dict[str, float]:
    return {"forward": middle - begin, "backward": end - middle, "both": end - begin}
