"""DAMSM's step sizes over the epochs, and the optimiser that forgets."""

from __future__ import annotations

import copy

import pytest
import torch
from attnforge_attngan.tasks.matching import MatchingTask
from small_game import batch, spec, state
from torch import nn

from attnforge.adversarial.schedules import decay_by_epoch
from attnforge.interfaces import Progress

STEPS = 12


def progress(step: int, *, images: int = 8) -> Progress:
    """Batches of four: with eight images, an epoch has two steps."""
    return Progress(step=step, steps=STEPS, batch_size=4, images=images)


def make(task: MatchingTask, step: int, *, images: int = 8) -> float:
    torch.manual_seed(step)
    return float(task.step(batch(seed=step), progress=progress(step, images=images))["matching"])


def rate(task: MatchingTask) -> float:
    (group,) = task.optimizers()["encoders"].param_groups
    return float(group["lr"])


def weights(task: MatchingTask) -> torch.Tensor:
    return nn.utils.parameters_to_vector(
        weight for one in task.networks().values() for weight in one.parameters()
    ).detach()


def official_rates(epochs: int) -> list[float]:
    """The official loop: 2e-3, times 0.98 after each epoch while it is above a tenth."""
    rates, now = [], 0.002
    for _ in range(epochs):
        rates.append(now)
        if now > 0.002 / 10:
            now *= 0.98
    return rates


def test_the_official_step_sizes() -> None:
    expected = official_rates(600)
    found = [0.002 * decay_by_epoch(epoch=epoch, factor=0.98, final_share=0.1) for epoch in range(600)]
    assert found == pytest.approx(expected)
    assert found[113] > 0.0002 > found[114] == found[599] > 0.000199


def test_the_step_size_stays_for_an_epoch_and_then_falls() -> None:
    task = MatchingTask(spec(), decay="by-epoch", epoch_decay=0.5, final_learning_rate=0.2)
    found = []
    for step in range(9):
        make(task, step)
        found.append(rate(task))
    shares = [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125]
    assert found == pytest.approx([2e-3 * share for share in shares])


def test_a_factor_of_one_leaves_the_step_size() -> None:
    assert decay_by_epoch(epoch=10**9, factor=1.0, final_share=0.1) == 1


def test_adam_is_reset_at_every_epoch_if_requested() -> None:
    """Adam's first step after a start is the sign of the gradient times the step size, whatever it is."""
    for forget in (True, False):
        task = MatchingTask(spec(), decay="by-epoch", reset_optimizer=forget)
        moved = []
        for step in range(4):
            before = weights(task)
            make(task, step)
            change = (weights(task) - before).abs() / rate(task)
            moved.append(float((change[change > 0] - 1).abs().median()))
        starts = [share < 1e-3 for share in moved]
        assert starts == ([True, False, True, False] if forget else [True, False, False, False])


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_resume_within_or_between_epochs_changes_nothing(stop: int) -> None:
    def task() -> MatchingTask:
        return MatchingTask(spec(), decay="by-epoch", epoch_decay=0.5, reset_optimizer=True)

    straight = task()
    for step in range(stop):
        make(straight, step)
    resumed = task()
    for name, network in resumed.networks().items():
        network.load_state_dict(state(straight.networks()[name]))
    saved = copy.deepcopy(straight.optimizers()["encoders"].state_dict())
    resumed.optimizers()["encoders"].load_state_dict(saved)
    for step in range(stop, 5):
        assert make(resumed, step) == make(straight, step)
    assert torch.equal(weights(resumed), weights(straight))
