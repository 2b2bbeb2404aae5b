"""The code of an image: the noise and the condition that a generator makes it from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.interfaces import Generator, GeneratorOutput, Prompt


@dataclass(frozen=True, slots=True)
class CodedGenerator:
    """A generator as a function of one vector: its noise, and the sentence that its condition comes from.

    The condition is moved through the sentence, because every generator reads one, while not every generator
    has a conditioner. The words that stages attend to stay those of the prompt.
    """

    generator: Generator
    words: int
    """Width d of the sentence."""

    @property
    def width(self) -> int:
        """Width k of a code: n + d."""
        return self.generator.noise + self.words

    def code(self, noise: Float[Tensor, "b n"], prompt: Prompt) -> Float[Tensor, "b k"]:
        """The code of the image that the generator makes of this noise for the prompt."""
        return torch.cat((noise, prompt.sentence.to(noise.dtype)), dim=1)

    def parts(self, code: Float[Tensor, "b k"]) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b d"]]:
        """The noise and the sentence of a code."""
        noise = self.generator.noise
        return code[:, :noise], code[:, noise:]

    def __call__(
        self, code: Float[Tensor, "b k"], prompt: Prompt, *, return_attention: bool = False
    ) -> GeneratorOutput:
        """The images of codes; of the prompt, all but the sentence is used."""
        noise, sentence = self.parts(code)
        return self.generator(noise, replace(prompt, sentence=sentence), return_attention=return_attention)
