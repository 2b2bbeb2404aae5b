"""Conditioners, stages and generators that break what their kinds promise."""

from __future__ import annotations

from dataclasses import replace

import torch
from broken.mutant import Mutant
from torch import Tensor

from attnforge.interfaces import Condition, GeneratorOutput, StageOutput, TextFeatures
from attnforge.specs import ConditionerSpec, GeneratorSpec, StageSpec
from attnforge.testing.examples.generators import (
    ExampleAttention,
    ExampleConditioner,
    ExampleGenerator,
    ExampleStage,
)


class Conditioner(ExampleConditioner):
    """The example without options."""

    def __init__(self, spec: ConditionerSpec) -> None:
        super().__init__(spec)


class SaysAnotherWidth(Conditioner):
    """Says that its condition is wider than it is."""

    def __init__(self, spec: ConditionerSpec) -> None:
        super().__init__(spec)
        self.dim += 1


class Explodes(Conditioner):
    """Takes the exponential of what may be any number."""

    def forward(self, sentence: Tensor) -> Condition:
        mean, logvar = self.layer(sentence).chunk(2, dim=1)
        logvar = 60 * logvar.abs()
        value = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
        return Condition(value=value, mean=mean, logvar=logvar)


class MovesItsMean(Conditioner):
    """Draws its mean, too."""

    def forward(self, sentence: Tensor) -> Condition:
        condition = super().forward(sentence)
        return replace(condition, mean=condition.mean + 1e-6 * torch.randn_like(condition.mean))


class TakesVarianceForDeviation(Conditioner):
    """Forgets the root."""

    def forward(self, sentence: Tensor) -> Condition:
        mean, logvar = self.layer(sentence).tanh().chunk(2, dim=1)
        return Condition(value=mean + logvar.exp() * torch.randn_like(mean), mean=mean, logvar=logvar)


class HearsOthers(Conditioner):
    """Takes the mean of the batch away from every sentence."""

    def forward(self, sentence: Tensor) -> Condition:
        return super().forward(sentence - sentence.mean(dim=0))


class HearsNothing(Conditioner):
    """Gives the same Gaussian for every sentence."""

    def forward(self, sentence: Tensor) -> Condition:
        return super().forward(0 * sentence)


class Stage(ExampleStage):
    """A stage without options that attends."""

    def __init__(self, spec: StageSpec) -> None:
        super().__init__(spec, attention=ExampleAttention)


class OneRowTooFew(Stage):
    """Gives a map with a row too few."""

    def forward(
        self, hidden: Tensor | None, condition: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> StageOutput:
        output = super().forward(hidden, condition, text, return_attention=return_attention)
        return replace(output, hidden=output.hidden[:, :, 1:])


class AlwaysShowsMaps(Stage):
    """Gives attention maps that nobody asked for."""

    def forward(
        self, hidden: Tensor | None, condition: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> StageOutput:
        return super().forward(hidden, condition, text, return_attention=True)


class DoesAsItLikes(ExampleStage):
    """Hears neither condition nor text."""

    def __init__(self, spec: StageSpec) -> None:
        super().__init__(spec)

    def forward(
        self, hidden: Tensor | None, condition: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> StageOutput:
        return super().forward(hidden, 0 * condition, text, return_attention=return_attention)


class SeesItsMates(Stage):
    """Takes the mean of the batch away from every map."""

    def forward(
        self, hidden: Tensor | None, condition: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> StageOutput:
        output = super().forward(hidden, condition, text, return_attention=return_attention)
        return replace(output, hidden=output.hidden - output.hidden.mean(dim=0))


class Generator(ExampleGenerator):
    """The example without options."""

    def __init__(self, spec: GeneratorSpec) -> None:
        super().__init__(spec)


class SaysOtherSizes(Generator):
    """Says that its images are larger than they are."""

    def __init__(self, spec: GeneratorSpec) -> None:
        super().__init__(spec)
        self.image_sizes = (16, 64)


class TooBright(Generator):
    """Draws images in [-2, 2]."""

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        output = super().forward(noise, text, return_attention=return_attention)
        return replace(output, images=tuple(2 * one for one in output.images))


class DeafToNoise(Generator):
    """Takes no noise in."""

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        return super().forward(0 * noise, text, return_attention=return_attention)


class DeafToText(Generator):
    """Takes no text in."""

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        silence = replace(text, words=0 * text.words, sentence=0 * text.sentence)
        return super().forward(noise, silence, return_attention=return_attention)


class ShowsItsMaps(Generator):
    """Gives attention maps that nobody asked for."""

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        return super().forward(noise, text, return_attention=True)


class OneConditionForAll(Generator):
    """Gives the condition of the first image only."""

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        output = super().forward(noise, text, return_attention=return_attention)
        drawn = output.condition
        assert drawn is not None
        first = Condition(value=drawn.value[:1], mean=drawn.mean[:1], logvar=drawn.logvar[:1])
        return replace(output, condition=first)


class PaintsTheBatch(Generator):
    """Takes the mean of the batch away from every image."""

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        output = super().forward(noise, text, return_attention=return_attention)
        return replace(output, images=tuple((one - one.mean(dim=0)) / 2 for one in output.images))


MUTANTS = (
    Mutant("shapes", "conditioner", SaysAnotherWidth),
    Mutant("finite_gaussians", "conditioner", Explodes),
    Mutant("seed_decides_the_draw", "conditioner", MovesItsMean),
    Mutant("draws_from_its_gaussian", "conditioner", TakesVarianceForDeviation),
    Mutant("each_sentence_alone_as_in_a_batch", "conditioner", HearsOthers),
    Mutant("sentence_matters", "conditioner", HearsNothing),
    Mutant("shapes", "stage", OneRowTooFew),
    Mutant("attention_on_demand", "stage", AlwaysShowsMaps),
    Mutant("condition_or_text_matters", "stage", DoesAsItLikes),
    Mutant("batch_mates_have_no_influence", "stage", SeesItsMates),
    Mutant("sizes", "generator", SaysOtherSizes),
    Mutant("images_in_range", "generator", TooBright),
    Mutant("noise_matters", "generator", DeafToNoise),
    Mutant("text_matters", "generator", DeafToText),
    Mutant("attention_on_demand", "generator", ShowsItsMaps),
    Mutant(
        "condition",
        "generator",
        OneConditionForAll,
        also={"other_specs": "with every spec two images have one condition"},
    ),
    Mutant("batch_mates_have_no_influence", "generator", PaintsTheBatch),
)
