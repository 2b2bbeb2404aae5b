"""What adds up over a run, also when it is stopped and resumed: seconds, steps, epochs, memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

LONGEST = 512
"""Points that are kept; more would make the file long and the chart no clearer."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where training was at one moment."""

    phase: str
    step: int
    """Steps done so far in the phase."""
    seconds: float
    """Of training so far in the whole run, pauses and steps that were made again left out."""
    process_bytes: int | None
    """The most memory that the process has held."""
    gpu_bytes: int | None
    """The most memory that tensors have held on the GPU; None on a processor."""


@dataclass(slots=True)
class Span:
    """The part of a phase whose time is known; it begins after the first step, which warms up."""

    first_step: int
    first_seconds: float
    last_step: int
    last_seconds: float

    @property
    def steps_per_second(self) -> float | None:
        """None before there are two moments."""
        seconds = self.last_seconds - self.first_seconds
        return (self.last_step - self.first_step) / seconds if seconds > 0 else None


@dataclass(slots=True)
class Totals:
    """What a checkpoint carries on."""

    seconds: float = 0.0
    epochs: dict[str, int] = field(default_factory=dict)
    """Times that a phase has gone through the data."""
    spans: dict[str, Span] = field(default_factory=dict)
    """How far each phase is."""
    points: list[Point] = field(default_factory=list)
    every: int = 1
    """Of so many points that were told, one is kept."""
    told: int = 0
    whole: bool = True
    """False when the run went on from a checkpoint that had no totals."""

    def add(self, point: Point) -> None:
        """Keep a point; when there are too many, every second one is dropped, and fewer are kept later on."""
        if self.told % self.every == 0:
            self.points.append(point)
        self.told += 1
        span = self.spans.setdefault(point.phase, Span(point.step, point.seconds, point.step, point.seconds))
        span.last_step, span.last_seconds = point.step, point.seconds
        self.seconds = point.seconds
        if len(self.points) > LONGEST:
            self.points = self.points[::2]
            self.every *= 2

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Totals:
        """From plain data.

        Raises:
            TypeError, KeyError, ValueError: It is something else.
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
