"""The loop of one phase: what it seeds, when it stops, what it refuses to call a figure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from attnforge.errors import RunError
from attnforge.interfaces import Batch, Progress
from attnforge.train.loop import StepResult, as_numbers, run_phase


def batches(start: int = 0, size: int = 2) -> Iterator[Batch]:
    """Endless batches; each knows the step that it is for, and making it draws from torch's generator."""
    step = start
    while True:
        torch.randn(1 + step)
        yield Batch(
            image=torch.full((size, 3, 2, 2), float(step)),
            tokens=torch.ones(size, 1, dtype=torch.long),
            lengths=torch.ones(size, dtype=torch.long),
            class_ids=torch.zeros(size, dtype=torch.long),
            captions=("bird",) * size,
            keys=("key",) * size,
        )
        step += 1


class Noting:
    """A task that notes what it is given and what torch draws."""

    needs: ClassVar[frozenset[str]] = frozenset()
    sampling_network: str | None = None

    def __init__(self) -> None:
        self.progress: list[Progress] = []
        self.images: list[float] = []
        self.drawn: list[float] = []

    def networks(self) -> dict[str, torch.nn.Module]:
        return {}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {}

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        self.progress.append(progress)
        self.images.append(float(batch.image[0, 0, 0, 0]))
        self.drawn.append(float(torch.randn(())))
        return {"drawn": torch.tensor(self.drawn[-1])}


def play(*, phase: str = "gan", start: int = 0, steps: int = 4, seed: int = 1, stop: int = 99) -> Noting:
    task = Noting()
    made = run_phase(
        task,
        batches,
        phase=phase,
        start=start,
        steps=steps,
        batch_size=2,
        images=3,
        seed=seed,
        after_step=lambda result: result.step < stop,
    )
    assert made == min(stop, steps)
    return task


def test_a_phase_makes_every_step_once() -> None:
    task = play(steps=4)
    assert [one.step for one in task.progress] == [0, 1, 2, 3]
    assert [one.share for one in task.progress] == [0, 0.25, 0.5, 0.75]
    assert task.images == [0, 1, 2, 3]


def test_a_task_learns_its_epoch_also_after_a_resume() -> None:
    """Batches of two from three images: a new epoch's first image is that of positions 3 and 6."""
    task = play(steps=7)
    assert [one.epoch for one in task.progress] == [0, 0, 1, 2, 2, 3, 4]
    assert [one.starts_epoch for one in task.progress] == [True, False, True, True, False, True, True]
    resumed = play(start=4, steps=7)
    assert resumed.progress == task.progress[4:]


def test_a_batch_larger_than_the_data_starts_an_epoch_every_step() -> None:
    found = [Progress(step=step, steps=3, batch_size=5, images=2) for step in range(3)]
    assert [(one.epoch, one.starts_epoch) for one in found] == [(0, True), (2, True), (5, True)]


def test_noise_depends_on_seed_phase_and_step_alone() -> None:
    drawn = play().drawn
    assert len(set(drawn)) == 4
    assert play().drawn == drawn
    assert play(start=2).drawn == drawn[2:]
    assert not set(drawn) & set(play(seed=2).drawn)
    assert not set(drawn) & set(play(phase="damsm").drawn)


def test_a_phase_stops_when_it_is_told_to() -> None:
    assert play(stop=2).images == [0, 1]


def test_a_phase_that_is_over_makes_no_step() -> None:
    assert play(start=4, steps=4).images == []


def test_listeners_learn_what_was_made() -> None:
    heard: list[StepResult] = []

    def hear(result: StepResult) -> bool:
        heard.append(result)
        return True

    run_phase(
        Noting(),
        partial(batches, size=3),
        phase="gan",
        start=5,
        steps=7,
        batch_size=3,
        images=3,
        seed=1,
        after_step=hear,
    )
    assert [(one.phase, one.step, one.steps, one.images) for one in heard] == [
        ("gan", 6, 7, 3),
        ("gan", 7, 7, 3),
    ]


def test_batches_are_asked_for_only_when_they_are_needed() -> None:
    following = islice(batches(), 2)
    run_phase(
        Noting(),
        lambda _: following,
        phase="gan",
        start=0,
        steps=2,
        batch_size=2,
        images=3,
        seed=1,
        after_step=lambda _: True,
    )
    assert list(following) == []


def result(**scalars: Tensor) -> StepResult:
    return StepResult(phase="gan", step=12, steps=20, images=4, scalars=scalars)


def test_scalars_of_any_precision_become_numbers() -> None:
    scalars = {
        "half": torch.tensor(0.5, dtype=torch.bfloat16),
        "grad": torch.tensor(2.0, requires_grad=True),
        "whole": torch.tensor(3),
    }
    assert as_numbers(result(**scalars)) == {"half": 0.5, "grad": 2.0, "whole": 3.0}
    assert as_numbers(result()) == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_named_with_its_step(value: float) -> None:
    with pytest.raises(RunError) as error:
        as_numbers(result(fine=torch.tensor(1.0), odd=torch.tensor(value)))
    (problem,) = error.value.problems
    assert problem.code == "not-a-number"
    assert "odd" in problem.message
    assert "fine" not in problem.message
    assert "step 12 of gan" in problem.message


def test_the_images_of_its_batch_are_named() -> None:
    batch = StepResult(
        phase="gan",
        step=2,
        steps=9,
        images=2,
        scalars={"odd": torch.tensor(torch.nan)},
        keys=("a.png", "b.png"),
    )
    with pytest.raises(RunError) as error:
        as_numbers(batch)
    assert "a.png, b.png" in error.value.problems[0].message
