"""The generator for sampling computes the last image of the generator itself, up to rounding."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.folded import FoldedConvolution, FoldedResidualBlock, FoldedUpBlock, folded_weights
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.layers import ImageHead, ResidualBlock, UpBlock
from attnforge_attngan.stages import InitialStage, RefineStage
from attnforge_gan.conditioning import Augmentation
from torch import Tensor, nn

from attnforge.interfaces import TextFeatures
from attnforge.sampling.folding import fold
from attnforge.specs import GeneratorSpec


def settled(network: nn.Module) -> nn.Module:
    """The network in evaluation mode, with statistics and affine weights as after training."""
    draws = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.5, generator=draws)
            module.running_var.uniform_(0.2, 3, generator=draws)
            module.weight.data.uniform_(0.5, 1.5, generator=draws)
            module.bias.data.normal_(0, 0.5, generator=draws)
    return network.eval()


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 3), (16, 16)])
@pytest.mark.parametrize("block", [UpBlock(6, 4), ResidualBlock(6)])
def test_a_folded_block_is_the_block(block: UpBlock | ResidualBlock, size: tuple[int, int]) -> None:
    network = settled(block).double()
    assert isinstance(network, UpBlock | ResidualBlock)
    maps = torch.randn(2, 6, *size, dtype=torch.float64)
    expected = network(maps)
    actual = network.folded()(maps.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(actual, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("size", [(2, 2), (4, 6), (16, 16)])
def test_a_folded_head_is_the_head(size: tuple[int, int]) -> None:
    head, maps = ImageHead(5).double(), torch.randn(2, 5, *size, dtype=torch.float64)
    torch.testing.assert_close(head.folded()(maps), head(maps), atol=1e-12, rtol=0)


@pytest.mark.parametrize("channels", [2, 64])
def test_a_folded_block_of_bfloat16_gates_short_and_long_rows_alike(channels: int) -> None:
    block, maps = settled(UpBlock(channels, channels)), torch.randn(1, channels, 4, 4)
    assert isinstance(block, UpBlock)
    maps = maps.contiguous(memory_format=torch.channels_last)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(block.folded()(maps).float(), block(maps).float(), atol=0.1, rtol=0.05)


@pytest.mark.parametrize("affine", [True, False])
def test_a_folded_layer_is_the_layer_and_its_normalisation(affine: bool) -> None:
    linear, normalisation = nn.Linear(5, 7, bias=False), nn.BatchNorm1d(7, affine=affine, eps=0.1)
    assert normalisation.running_mean is not None
    assert normalisation.running_var is not None
    normalisation.running_mean.normal_()
    normalisation.running_var.uniform_(0.1, 2)
    weight, bias = folded_weights(linear.weight, normalisation.eval())
    values = torch.randn(3, 5)
    torch.testing.assert_close(values @ weight.T + bias, normalisation(linear(values)))


def generator(images: str = "every-stage") -> MultiStageGenerator:
    torch.manual_seed(0)
    refine = partial(RefineStage, attention=WordAttention)
    network = MultiStageGenerator(
        GeneratorSpec(words=8),
        conditioner=partial(Augmentation, dim=6),
        stages=[InitialStage, refine, refine],
        channels=4,
        base_size=16,
        noise=5,
        images="last-stage" if images == "last-stage" else "every-stage",
    )
    assert settled(network) is network
    return network


def inputs() -> tuple[Tensor, TextFeatures]:
    torch.manual_seed(1)
    padding = torch.tensor([[False] * 4, [False, False, True, True], [False, True, True, True]])
    return torch.randn(3, 5), TextFeatures(torch.randn(3, 8, 4), torch.randn(3, 8), padding)


@pytest.mark.parametrize("images", ["every-stage", "last-stage"])
@torch.no_grad()
def test_the_last_image_is_within_a_tenth_of_a_grey_level(images: str) -> None:
    network = generator(images)
    noise, text = inputs()
    torch.manual_seed(2)
    expected = network(noise, text, return_attention=True)
    torch.manual_seed(2)
    actual = fold(network)(noise, text, return_attention=True)
    assert float((actual.images[-1] - expected.images[-1]).abs().max()) * 127.5 < 0.1
    assert float(expected.images[-1].std()) > 0.05
    assert len(actual.images) == 1
    assert actual.images[-1].shape[-1] == 64
    for maps, others in zip(actual.attention, expected.attention, strict=True):
        torch.testing.assert_close(maps, others, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_folding_leaves_the_network_as_it_was() -> None:
    network = generator()
    before = copy.deepcopy(network.state_dict())
    modules = [type(module) for module in network.modules()]
    folded = fold(network)
    assert {FoldedUpBlock, FoldedResidualBlock, FoldedConvolution} <= {type(one) for one in folded.modules()}
    assert not any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in folded.modules())
    folded(*inputs())
    assert [type(module) for module in network.modules()] == modules
    after = network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert network.image_sizes == (16, 32, 64)
    assert folded.image_sizes == (64,)
    assert all(weight.requires_grad for weight in network.parameters())
    assert not any(weight.requires_grad for weight in folded.parameters())


@torch.no_grad()
def test_folded_in_bfloat16_the_image_is_within_some_grey_levels() -> None:
    folded = fold(generator())
    noise, text = inputs()
    torch.manual_seed(2)
    expected = folded(noise, text).images[-1]
    torch.manual_seed(2)
    with torch.autocast("cpu", torch.bfloat16):
        actual = folded(noise, text).images[-1].float()
    assert float((actual - expected).abs().max()) * 127.5 < 12
    assert float((actual - expected).abs().mean()) * 127.5 < 1.5
