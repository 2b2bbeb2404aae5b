"""`torch.export` takes the networks that generate images, and the exported programs compute the same."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.stages import InitialStage, RefineStage
from attnforge_attngan.text import BiGRU, BiLSTM
from attnforge_gan.conditioning import Sentence
from torch import Tensor, nn

from attnforge.interfaces import Prompt
from attnforge.specs import GeneratorSpec, TextSpec

TOKENS = torch.tensor([[3, 4, 5, 6], [7, 2, 0, 0], [1, 0, 0, 0]])
LENGTHS = torch.tensor([4, 2, 1])


@pytest.mark.filterwarnings("ignore:The tensor attributes")  # torch's own, of every recurrent layer
@pytest.mark.parametrize("encoder", [BiLSTM, BiGRU])
def test_an_exported_text_encoder_reads_captions_of_every_length(
    encoder: type[BiLSTM] | type[BiGRU],
) -> None:
    """torch's recurrent layers fix the shape, but lengths are values: one program reads all captions."""
    torch.manual_seed(0)
    network = encoder(TextSpec(vocabulary_size=9), dim=8, embedding=5).eval()
    program = torch.export.export(network, (TOKENS, LENGTHS))
    for lengths in (LENGTHS, torch.tensor([1, 4, 3]), torch.tensor([2, 2, 2])):
        expected, exported = network(TOKENS, lengths), program.module()(TOKENS, lengths)
        for name in ("words", "sentence", "padding"):
            torch.testing.assert_close(getattr(exported, name), getattr(expected, name))


class Pixels(nn.Module):
    """A generator of which only the largest images are exported."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, noise: Tensor, prompt: Prompt) -> Tensor:
        images: Tensor = self.generator(noise, prompt).images[-1]
        return images


def test_a_generator_is_exported_with_prompts_as_inputs() -> None:
    torch.manual_seed(0)
    refine = partial(RefineStage, attention=WordAttention, residual_blocks=1)
    network = MultiStageGenerator(
        GeneratorSpec(words=8),
        conditioner=Sentence,
        stages=[InitialStage, refine],
        channels=4,
        base_size=8,
        noise=3,
    ).eval()
    text = BiLSTM(TextSpec(vocabulary_size=9), dim=8, embedding=5).eval()
    prompt, noise = Prompt.of(text(TOKENS, LENGTHS), tokens=TOKENS), torch.randn(3, 3)
    program = torch.export.export(Pixels(network), (noise, prompt))
    torch.testing.assert_close(program.module()(noise, prompt), network(noise, prompt).images[-1])
