"""Samplers and scorers that break a promise of their kind."""

from __future__ import annotations

from dataclasses import replace

import torch
from broken.mutant import Mutant
from torch import Tensor

from attnforge.interfaces import GeneratorOutput, Prompt
from attnforge.specs import SamplerSpec, ScorerSpec
from attnforge.testing.examples.sampling import ExampleSampler, ExampleScorer


class Sampler(ExampleSampler):
    """The example without options."""

    def __init__(self, spec: SamplerSpec) -> None:
        super().__init__(spec)


class Scorer(ExampleScorer):
    """The example."""


class KeepsTheLastImage(Sampler):
    """Returns only the largest images."""

    def __call__(self, prompt: Prompt, /, *, return_attention: bool = False) -> GeneratorOutput:
        output = super().__call__(prompt, return_attention=return_attention)
        return replace(output, images=output.images[-1:])


class AlwaysAttends(Sampler):
    """Returns attention maps without being asked."""

    def __call__(self, prompt: Prompt, /, *, return_attention: bool = False) -> GeneratorOutput:
        return super().__call__(prompt, return_attention=True)


class OwnGenerator(Sampler):
    """Draws from a generator of its own, which goes on from call to call."""

    def __init__(self, spec: SamplerSpec) -> None:
        super().__init__(spec)
        self.draws = torch.Generator().manual_seed(1)

    def __call__(self, prompt: Prompt, /, *, return_attention: bool = False) -> GeneratorOutput:
        noise = torch.randn(len(prompt.sentence), self.generator.noise, generator=self.draws)
        return self.generator(noise, prompt, return_attention=return_attention)


class SharesNoise(Sampler):
    """Gives every image of a batch the noise of the first, less that of the last."""

    def __call__(self, prompt: Prompt, /, *, return_attention: bool = False) -> GeneratorOutput:
        noise = torch.randn(len(prompt.sentence), self.generator.noise)
        return self.generator(noise - noise[-1:], prompt, return_attention=return_attention)


class IgnoresPrompt(Sampler):
    """Asks for the same sentence always."""

    def __call__(self, prompt: Prompt, /, *, return_attention: bool = False) -> GeneratorOutput:
        nothing = Prompt(0 * prompt.words, 0 * prompt.sentence, prompt.padding)
        return super().__call__(nothing, return_attention=return_attention)


class ColumnOfScores(Scorer):
    """Returns scores as a column."""

    def __call__(self, images: Tensor, prompt: Prompt, /) -> Tensor:
        return super().__call__(images, prompt)[:, None]


class RanksTheBatch(Scorer):
    """Subtracts the mean of the batch."""

    def __call__(self, images: Tensor, prompt: Prompt, /) -> Tensor:
        scores = super().__call__(images, prompt)
        return scores - scores.mean()


class IgnoresSign(Scorer):
    """Cannot tell an image from its negative."""

    def __call__(self, images: Tensor, prompt: Prompt, /) -> Tensor:
        return super().__call__(images.square(), prompt)


class IgnoresCaption(Scorer):
    """Scores without the caption."""

    def __init__(self, spec: ScorerSpec) -> None:
        super().__init__(spec)

    def __call__(self, images: Tensor, prompt: Prompt, /) -> Tensor:
        return super().__call__(images, replace(prompt, sentence=torch.ones_like(prompt.sentence)))


class CutsTheGraph(Scorer):
    """Lets no gradient through to the images."""

    def __call__(self, images: Tensor, prompt: Prompt, /) -> Tensor:
        return super().__call__(images.detach(), prompt) + 0 * images.mean(dim=(1, 2, 3))


MUTANTS = (
    Mutant("image_sizes", "sampler", KeepsTheLastImage),
    Mutant("attention_only_when_requested", "sampler", AlwaysAttends),
    Mutant(
        "seeds_decide",
        "sampler",
        OwnGenerator,
        also={
            "attention_only_when_requested": "it compares two calls",
            "batch_invariance": "it compares several calls",
        },
    ),
    Mutant("batch_invariance", "sampler", SharesNoise),
    Mutant("depends_on_prompt", "sampler", IgnoresPrompt),
    Mutant("one_score_each", "scorer", ColumnOfScores),
    Mutant(
        "batch_invariance",
        "scorer",
        RanksTheBatch,
    ),
    Mutant("depends_on_image", "scorer", IgnoresSign),
    Mutant("depends_on_caption", "scorer", IgnoresCaption),
    Mutant("gradients_reach_the_images", "scorer", CutsTheGraph),
)
