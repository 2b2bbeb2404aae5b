"""One step with a part of a batch, for tests of what several processes do together."""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.stages import InitialStage, RefineStage
from attnforge_gan.conditioning import Sentence
from torch import Tensor, nn

from attnforge.interfaces import TextFeatures
from attnforge.specs import GeneratorSpec

WHOLE = slice(0, 8)
PARTS = (slice(0, 3), slice(3, 8))
"""Which images of a batch of 8 each of two processes has."""

Norm = Literal["batch", "synchronised"]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pass_through(layer: nn.Module, batch: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Everything that a step computes, for a loss that weighs each output."""
    batch = batch.clone().requires_grad_()
    output = layer(batch)
    (output * weights).sum().backward()
    assert batch.grad is not None
    return {
        "output": output.detach(),
        "input": batch.grad,
        **_gradients(layer),
        **dict(layer.named_buffers()),
    }


def generator(norm: Norm) -> MultiStageGenerator:
    torch.manual_seed(5)
    return MultiStageGenerator(
        GeneratorSpec(words=6),
        conditioner=Sentence,
        stages=[InitialStage, partial(RefineStage, attention=WordAttention, residual_blocks=1)],
        channels=4,
        base_size=8,
        noise=3,
        norm=norm,
    ).double()


def draw(norm: Norm, part: slice) -> dict[str, Tensor]:
    """Draw a part of a batch in training mode: images, gradients and statistics."""
    network = generator(norm).train()
    text = TextFeatures(
        words=noise(8, 6, 5, seed=1)[part],
        sentence=noise(8, 6, seed=2)[part],
        padding=torch.zeros(8, 5, dtype=torch.bool)[part],
    )
    images = torch.cat([one.flatten(1) for one in network(noise(8, 3)[part], text).images], dim=1)
    (images * noise(*images[:1].shape, seed=3)).sum().backward()
    return {"output": images.detach(), **_gradients(network), **dict(network.named_buffers())}


def _gradients(network: nn.Module) -> dict[str, Tensor]:
    found = {f"gradient {name}": weight.grad for name, weight in network.named_parameters()}
    return {name: gradient for name, gradient in found.items() if gradient is not None}
