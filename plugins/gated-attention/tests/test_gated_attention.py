"""The conformance checks of every attention, and a test of the gate."""

import torch
from attnforge.interfaces import TextFeatures
from attnforge.recipe import resolve
from attnforge.specs import AttentionSpec
from attnforge.testing import conformance

from attnforge_gated_attention.attention import GatedAttention

TestGatedAttention = conformance("attention/gated")


def test_a_closed_gate_blocks_the_context() -> None:
    spec = AttentionSpec(channels=4, words=6)
    padding = torch.tensor([[False, False, True]])
    text = TextFeatures(words=torch.randn(1, 6, 3), sentence=torch.randn(1, 6), padding=padding)
    closed = GatedAttention(spec, gate_bias=-100.0)(torch.randn(1, 4, 2, 2), text)
    opened = GatedAttention(spec, gate_bias=100.0)(torch.randn(1, 4, 2, 2), text)
    assert closed.context.abs().max() < 1e-6
    assert opened.context.abs().max() > 1e-3


def test_the_recipe_uses_it() -> None:
    part = resolve("gated-attention").component("generator.stages.1.attention")
    assert part is not None
    assert part.name == "gated"
