"""The attention `word` computes with the kernel that it was given, and joins its context to the features."""

from __future__ import annotations

import pytest
import torch
from attention_cases import KERNELS
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.stages import JoiningAttention, RefineStage
from kernel_devices import device_for
from torch import Tensor, nn

from attnforge.errors import AttnforgeError
from attnforge.interfaces import AttentionOutput, TextFeatures
from attnforge.kernels.dispatch import VARIABLE
from attnforge.specs import AttentionSpec, StageSpec

SPEC = AttentionSpec(channels=4, words=6)


def case() -> tuple[Tensor, TextFeatures]:
    generator = torch.Generator().manual_seed(3)
    padding = torch.arange(5) >= torch.tensor([[5], [2], [3]])
    words = torch.randn(3, 6, 5, generator=generator)
    return torch.randn(3, 4, 3, 5, generator=generator), TextFeatures(words, words.sum(dim=2), padding)


def block(**options: str) -> WordAttention:
    torch.manual_seed(0)
    return WordAttention(SPEC, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("kernel", ["auto", *KERNELS])
def test_every_kernel_gives_the_numbers_of_the_reference(kernel: str) -> None:
    features, text = case()
    expected = block(kernel="reference")(features, text, return_weights=True)
    device = device_for(kernel)
    there = TextFeatures(text.words.to(device), text.sentence.to(device), text.padding.to(device))
    found = block(kernel=kernel).to(device)(features.to(device), there, return_weights=True)
    torch.testing.assert_close(found.context.cpu(), expected.context)
    assert found.weights is not None
    torch.testing.assert_close(found.weights.cpu(), expected.weights)


def test_the_kernel_of_the_recipe_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(AttnforgeError, match="kernel-refused"):
        block(kernel="triton")(*case())


def test_an_unknown_kernel_is_refused_before_training() -> None:
    with pytest.raises(AttnforgeError, match=r"unknown-kernel[\s\S]*expected: `reference`"):
        block(kernel="refrence")


def test_the_official_mask_is_not_for_other_kernels() -> None:
    with pytest.raises(AttnforgeError, match=r"kernel-refused[\s\S]*`mask: official`"):
        block(kernel="cpu", mask="official")
    block(kernel="reference", mask="official")


@pytest.mark.parametrize("mask", ["per-caption", "official"])
@pytest.mark.parametrize("kernel", ["auto", "reference"])
def test_joining_gives_features_and_context(mask: str, kernel: str) -> None:
    features, text = case()
    attention = block(mask=mask, kernel=kernel)
    apart = attention(features, text, return_weights=True)
    joined, weights = attention.join(features, text, return_weights=True)
    assert torch.equal(joined, torch.cat((features, apart.context), dim=1))
    assert weights is not None
    assert torch.equal(weights, apart.weights)
    assert attention(features, text).weights is None
    assert attention.join(features, text)[1] is None


class Apart(nn.Module):
    """The same attention for a stage that must join itself."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__()
        self.inner = WordAttention(spec)

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        return self.inner(features, text, return_weights=return_weights)


def test_a_stage_joins_for_an_attention_that_cannot() -> None:
    features, text = case()
    spec = StageSpec(channels=4, in_channels=4, in_size=4, out_size=8, condition=3, words=6)
    outputs = []
    for attention in (WordAttention, Apart):
        torch.manual_seed(0)
        stage = RefineStage(spec, attention=attention, residual_blocks=1)
        assert isinstance(stage.attention, JoiningAttention) is (attention is WordAttention)
        outputs.append(stage(features, torch.zeros(3, 3), text, return_attention=True))
    torch.testing.assert_close(outputs[0].hidden, outputs[1].hidden)
    torch.testing.assert_close(outputs[0].attention, outputs[1].attention)
