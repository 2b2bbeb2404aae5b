"""Learning rates that are halved every few epochs, as in StackGAN."""

from __future__ import annotations

import pytest

from attnforge.adversarial.schedules import Schedule
from attnforge.interfaces import Progress


def factor(schedule: Schedule, *, epoch: int) -> float:
    """That of the first step of an epoch of ten steps, in a phase of a hundred epochs."""
    return schedule.factor(Progress(step=10 * epoch, steps=1000, batch_size=4, images=40))


@pytest.mark.parametrize(
    ("epoch", "expected"), [(0, 1), (19, 1), (20, 0.5), (39, 0.5), (40, 0.25), (99, 0.0625)]
)
def test_learning_rates_are_halved_every_twenty_epochs(epoch: int, expected: float) -> None:
    assert factor(Schedule(halve_every=20), epoch=epoch) == expected


def test_halving_and_linear_decay_multiply() -> None:
    both = Schedule(halve_every=50, decay_from=0.5, decay_to=0.0)
    assert factor(both, epoch=50) == 0.5
    assert factor(both, epoch=75) == pytest.approx(0.25)
    assert factor(Schedule(), epoch=75) == 1
