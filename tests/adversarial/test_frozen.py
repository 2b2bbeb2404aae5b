"""A frozen network is moved and used, but not trained, averaged, copied or saved."""

from __future__ import annotations

import copy

import torch
from torch import nn

from attnforge.adversarial.averaging import Average, WeightAverage
from attnforge.adversarial.frozen import Frozen
from attnforge.values import Progress


class Judge(nn.Module):
    """A trained layer on frozen features with statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.features = Frozen(nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5)))
        self.head = nn.Linear(5, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.features(images))
        return scores


def test_nothing_finds_its_weights() -> None:
    judge = Judge()
    assert set(judge.state_dict()) == {"head.weight", "head.bias"}
    assert len(list(judge.parameters())) == 2
    assert not list(judge.features.buffers())


def test_training_changes_neither_its_weights_nor_its_statistics() -> None:
    judge = Judge().train()
    before = copy.deepcopy(judge.features.network.state_dict())
    images = torch.randn(3, 4, requires_grad=True)
    judge(images).sum().backward()
    assert images.grad is not None
    assert bool(images.grad.any())
    assert not judge.features.network.training
    for name, tensor in judge.features.network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_it_moves_with_its_parent_and_is_shared_by_copies() -> None:
    judge = Judge().double()
    assert judge(torch.randn(2, 4, dtype=torch.float64)).dtype == torch.float64
    average = WeightAverage(judge, Average(decay=0.5))
    average.update(judge, progress=Progress(step=0, steps=2, batch_size=2, images=2))
    assert isinstance(average.network, Judge)
    assert average.network.features.network is judge.features.network
    assert average.network.head is not judge.head
