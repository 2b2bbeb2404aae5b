"""Steps of optimizers: several backward passes, clipping, and losses that are scaled for float16."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attnforge.compute.engine import Engine
from attnforge.compute.settings import set_up_torch
from attnforge.compute.update import LOSS_SCALE, Update
from attnforge.errors import RecipeError
from attnforge.recipe.schema import Training
from attnforge.storage.optimizer_state import load_optimizer_state, optimizer_state

CPU = torch.device("cpu")


def weight() -> nn.Parameter:
    return nn.Parameter(torch.tensor([1.0, -2.0]))


def update_of(own: nn.Parameter, **options: Any) -> Update:
    return Update(torch.optim.SGD([own], lr=0.1), device=CPU, **options)


@pytest.mark.parametrize("scaled", [False, True])
def test_losses_are_added_up(scaled: bool) -> None:
    own = weight()

    def losses() -> Iterator[Tensor]:
        for factor in (1.0, 2.0):
            yield factor * own.square().sum()

    update_of(own, scaled=scaled).minimise(losses(), count=2)
    torch.testing.assert_close(own.detach(), torch.tensor([1.0, -2.0]) * (1 - 0.1 * 2 * 3))


@pytest.mark.parametrize("scaled", [False, True])
def test_gradients_are_clipped_at_their_true_norm(scaled: bool) -> None:
    own = weight()
    update_of(own, scaled=scaled, clipped=[own], norm=0.5).minimise([own.square().sum()])
    moved = own.detach() - torch.tensor([1.0, -2.0])
    torch.testing.assert_close(moved.norm(), torch.tensor(0.05), rtol=1e-4, atol=0)


def test_a_step_that_overflows_is_skipped_and_the_scale_halved() -> None:
    own = weight()
    update = update_of(own, scaled=True)
    scale = update.scale
    update.minimise([own.sum() * torch.inf])
    assert torch.equal(own.detach(), torch.tensor([1.0, -2.0]))
    assert update.scale == scale / 2
    update.minimise([own.square().sum()])
    assert not torch.equal(own.detach(), torch.tensor([1.0, -2.0]))


def test_the_scale_is_saved_and_resumed_with_the_optimizer() -> None:
    own = weight()
    update = update_of(own, scaled=True)
    update.minimise([own.sum() * torch.inf])
    update.minimise([own.square().sum()])
    state = copy.deepcopy(optimizer_state(update.optimizer))
    resumed = update_of(weight(), scaled=True)
    load_optimizer_state(resumed.optimizer, state)
    assert resumed.scale == update.scale
    assert resumed.scaler.state_dict() == update.scaler.state_dict()


def test_states_of_other_precisions_load() -> None:
    plain, scaled = update_of(weight()), update_of(weight(), scaled=True)
    assert LOSS_SCALE not in optimizer_state(plain.optimizer)
    load_optimizer_state(scaled.optimizer, optimizer_state(plain.optimizer))
    load_optimizer_state(plain.optimizer, optimizer_state(scaled.optimizer))


@pytest.mark.parametrize("other", [{"precision": "fp16"}, {"micro_batch_size": 2}])
def test_cuda_graphs_are_refused_with_what_they_cannot_record(other: dict[str, Any]) -> None:
    with pytest.raises(RecipeError) as caught:
        Engine.of(Training(cuda_graphs=True, **other), CPU)
    assert caught.value.problems[0].code == "graphs-refused"


def test_settings_reach_torch() -> None:
    tf32 = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    try:
        for choice in (True, False):
            set_up_torch(Training(tf32=choice))
            assert torch.backends.cudnn.allow_tf32 == choice
            assert torch.backends.cuda.matmul.allow_tf32 == choice
        set_up_torch(Training(deterministic=True))
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.use_deterministic_algorithms(False)
    with pytest.raises(RecipeError) as caught:
        set_up_torch(Training(deterministic=True, tune_convolutions=True))
    assert caught.value.problems[0].code == "not-deterministic"
