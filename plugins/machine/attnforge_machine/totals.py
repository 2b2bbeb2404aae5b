"""Totals of a run across sessions: seconds, steps, epochs, memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

MAX_POINTS = 512
"""More points would make the file larger and the chart no clearer."""


@dataclass(frozen=True, slots=True)
class Point:
    """Progress of training at one moment."""

    phase: str
    step: int
    """Steps done so far in the phase."""
    seconds: float
    """Training time of the whole run so far, without pauses and repeated steps."""
    process_bytes: int | None
    """Peak memory of the process."""
    gpu_bytes: int | None
    """Peak memory of tensors on the GPU; None on a CPU."""


@dataclass(slots=True)
class Span:
    """The timed part of a phase, which starts after the first step, a warm-up."""

    first_step: int
    first_seconds: float
    last_step: int
    last_seconds: float

    @property
    def steps_per_second(self) -> float | None:
        """None before there are two points."""
        seconds = self.last_seconds - self.first_seconds
        return (self.last_step - self.first_step) / seconds if seconds > 0 else None


@dataclass(slots=True)
class Totals:
    """The totals that a checkpoint stores."""

    seconds: float = 0.0
    epochs: dict[str, int] = field(default_factory=dict)
    """Completed epochs by phase."""
    spans: dict[str, Span] = field(default_factory=dict)
    """The timed part of each phase."""
    points: list[Point] = field(default_factory=list)
    every: int = 1
    """One of so many added points is kept."""
    told: int = 0
    whole: bool = True
    """False if the run was resumed from a checkpoint without totals."""

    def add(self, point: Point) -> None:
        """Add a point; beyond `MAX_POINTS`, every second one is dropped and fewer are kept from then on."""
        if self.told % self.every == 0:
            self.points.append(point)
        self.told += 1
        span = self.spans.setdefault(point.phase, Span(point.step, point.seconds, point.step, point.seconds))
        span.last_step, span.last_seconds = point.step, point.seconds
        self.seconds = point.seconds
        if len(self.points) > MAX_POINTS:
            self.points = self.points[::2]
            self.every *= 2

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Totals:
        """From plain data.

        Raises:
            TypeError, KeyError, ValueError: The data is malformed.
        """
        points = [Point(**point) for point in data["points"]]
        return cls(
            seconds=float(data["seconds"]),
            epochs={str(name): int(count) for name, count in data["epochs"].items()},
            spans={str(name): Span(**span) for name, span in data["spans"].items()},
            points=points,
            every=int(data["every"]),
            told=int(data["told"]),
            whole=bool(data["whole"]),
        )
