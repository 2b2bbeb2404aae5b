"""The folded Inception computes what torchvision's does, whatever happened to its weights before."""

from __future__ import annotations

import copy

import pytest
import torch
from attnforge_attngan.frozen_inception import FoldingConvolution, frozen_inception
from torch import Tensor, nn
from torchvision.models import inception_v3
from torchvision.models.inception import InceptionA, InceptionC, InceptionE

BLOCKS = {"Mixed_5b": (InceptionA, 192), "Mixed_6b": (InceptionC, 768), "Mixed_7b": (InceptionE, 1280)}


@pytest.fixture(scope="module")
def networks() -> tuple[nn.Module, ...]:
    """Torchvision's network and ours, with the same weights and statistics, in float64."""
    torch.manual_seed(0)
    plain = inception_v3(weights=None, aux_logits=False, transform_input=False, init_weights=False)
    for module in plain.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
    own = frozen_inception()
    own.load_state_dict(plain.state_dict())
    return tuple(network.double().eval().requires_grad_(False) for network in (plain, own))


def outcome(network: nn.Module, features: Tensor) -> tuple[Tensor, Tensor]:
    """The result, and the gradient of the features."""
    features = features.clone().requires_grad_()
    result = network(features)
    pull = torch.randn(result.shape, generator=torch.Generator().manual_seed(2), dtype=result.dtype)
    return result.detach(), torch.autograd.grad(result, features, pull)[0]


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_compute_what_torchvision_s_do(networks: tuple[nn.Module, ...], name: str) -> None:
    kind, channels = BLOCKS[name]
    plain, own = (network.get_submodule(name) for network in networks)
    assert isinstance(own, kind)
    features = torch.randn(2, channels, 7, 9, dtype=torch.float64)
    for mine, theirs in zip(outcome(own, features), outcome(plain, features), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


def test_the_state_is_torchvision_s(networks: tuple[nn.Module, ...]) -> None:
    plain, own = networks
    own(torch.randn(1, 3, 75, 75, dtype=torch.float64))
    assert list(plain.state_dict()) == list(own.state_dict())
    assert all(torch.equal(value, own.state_dict()[name]) for name, value in plain.state_dict().items())


def convolution() -> FoldingConvolution:
    torch.manual_seed(1)
    return FoldingConvolution(3, 4, kernel_size=3, padding=1).eval().requires_grad_(False)


def unfolded(block: FoldingConvolution, features: Tensor) -> Tensor:
    return torch.relu(block.bn(block.conv(features)))


def test_what_changes_the_weights_is_noticed() -> None:
    block, features = convolution(), torch.randn(2, 3, 5, 5)

    def holds(subject: FoldingConvolution = block, values: Tensor = features) -> None:
        torch.testing.assert_close(subject(values), unfolded(subject, values), rtol=1e-5, atol=1e-6)

    holds()
    kept = block._folded
    holds()
    assert block._folded is kept
    state = {name: value + 1 for name, value in block.state_dict().items()}
    block.load_state_dict(state)
    holds()
    block.bn.running_var.mul_(3)
    holds()
    block.bn.weight.data = torch.full((4,), 2.0)
    holds()
    holds(copy.deepcopy(block))
    block.train()(features)
    holds(block.eval())
    block.double()
    holds(values=features.double())


def test_weights_that_train_are_not_folded() -> None:
    block = convolution().requires_grad_()
    block(torch.randn(2, 3, 5, 5)).sum().backward()
    assert block.bn.weight.grad is not None
    assert block._folded is None


def test_inference_mode_leaves_nothing_that_training_cannot_use() -> None:
    block = convolution()
    with torch.inference_mode():
        block(torch.randn(2, 3, 5, 5))
    features = torch.randn(2, 3, 5, 5, requires_grad=True)
    block(features).sum().backward()
    assert features.grad is not None


def test_autocast_gets_weights_of_its_own_type_once() -> None:
    block, features = convolution(), torch.randn(2, 3, 8, 8)
    exact = block(features)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = block(features)
        assert block._folded is not None
        assert block._folded.weight.dtype is torch.bfloat16
    assert rounded.dtype is torch.bfloat16
    torch.testing.assert_close(rounded.float(), exact, rtol=0.05, atol=0.05)
    assert torch.equal(block(features), exact)
