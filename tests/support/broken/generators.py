"""Conditioners, stages and generators that break a promise of their kind."""

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


class DeclaresAnotherWidth(Conditioner):
    """Declares a larger `dim` than its condition has."""

    def __init__(self, spec: ConditionerSpec) -> None:
        super().__init__(spec)
        self.dim += 1


class Overflows(Conditioner):
    """Returns an unbounded logvar, whose exponential overflows."""

    def forward(self, sentence: Tensor) -> Condition:
        mean, logvar = self.layer(sentence).chunk(2, dim=1)
        logvar = 60 * logvar.abs()
        value = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
        return Condition(value=value, mean=mean, logvar=logvar)


class AddsNoiseToItsMean(Conditioner):
    """Adds noise to its mean."""

    def forward(self, sentence: Tensor) -> Condition:
        condition = super().forward(sentence)
        return replace(condition, mean=condition.mean + 1e-6 * torch.randn_like(condition.mean))


class UsesVarianceAsDeviation(Conditioner):
    """Uses the variance as the standard deviation."""

    def forward(self, sentence: Tensor) -> Condition:
        mean, logvar = self.layer(sentence).tanh().chunk(2, dim=1)
        return Condition(value=mean + logvar.exp() * torch.randn_like(mean), mean=mean, logvar=logvar)


class SubtractsBatchMean(Conditioner):
    """Subtracts the mean of the batch from every sentence."""

    def forward(self, sentence: Tensor) -> Condition:
        return super().forward(sentence - sentence.mean(dim=0))


class IgnoresSentence(Conditioner):
    """Returns the same Gaussian for every sentence."""

    def forward(self, sentence: Tensor) -> Condition:
        return super().forward(0 * sentence)


class Stage(ExampleStage):
    """A stage with attention and without options."""

    def __init__(self, spec: StageSpec) -> None:
        super().__init__(spec, attention=ExampleAttention)


class OneRowTooFew(Stage):
    """Returns a map with one row missing."""

    def forward(
        self, hidden: Tensor | None, condition: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> StageOutput:
        output = super().forward(hidden, condition, text, return_attention=return_attention)
        return replace(output, hidden=output.hidden[:, :, 1:])


class AlwaysReturnsMaps(Stage):
    """Returns attention maps even if they are not requested."""

    def forward(
        self, hidden: Tensor | None, condition: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> StageOutput:
        return super().forward(hidden, condition, text, return_attention=True)


class IgnoresItsInputs(ExampleStage):
    """Ignores condition and text."""

    def __init__(self, spec: StageSpec) -> None:
        super().__init__(spec)

    def forward(
        self, hidden: Tensor | None, condition: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> StageOutput:
        return super().forward(hidden, 0 * condition, text, return_attention=return_attention)


class SubtractsBatchMeanOfMaps(Stage):
    """Subtracts the mean of the batch from every map."""

    def forward(
        self, hidden: Tensor | None, condition: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> StageOutput:
        output = super().forward(hidden, condition, text, return_attention=return_attention)
        return replace(output, hidden=output.hidden - output.hidden.mean(dim=0))


class Generator(ExampleGenerator):
    """The example without options."""

    def __init__(self, spec: GeneratorSpec) -> None:
        super().__init__(spec)


class DeclaresOtherSizes(Generator):
    """Declares larger images than it generates."""

    def __init__(self, spec: GeneratorSpec) -> None:
        super().__init__(spec)
        self.image_sizes = (16, 64)


class TooBright(Generator):
    """Generates images in [-2, 2]."""

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        output = super().forward(noise, text, return_attention=return_attention)
        return replace(output, images=tuple(2 * image for image in output.images))


class IgnoresNoise(Generator):
    """Ignores the noise."""

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        return super().forward(0 * noise, text, return_attention=return_attention)


class IgnoresText(Generator):
    """Ignores the text."""

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        zeros = replace(text, words=0 * text.words, sentence=0 * text.sentence)
        return super().forward(noise, zeros, return_attention=return_attention)


class AlwaysReturnsAttention(Generator):
    """Returns attention maps even if they are not requested."""

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        return super().forward(noise, text, return_attention=True)


class OneConditionForAll(Generator):
    """Returns the condition of the first image only."""

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        output = super().forward(noise, text, return_attention=return_attention)
        condition = output.condition
        assert condition is not None
        first = Condition(value=condition.value[:1], mean=condition.mean[:1], logvar=condition.logvar[:1])
        return replace(output, condition=first)


class CompletesWhatItIsNotTold(Generator):
    """Completes key points whatever its spec has."""

    completed_extras = frozenset({"keypoints"})


class SubtractsBatchMeanOfImages(Generator):
    """Subtracts the mean of the batch from every image."""

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        output = super().forward(noise, text, return_attention=return_attention)
        return replace(output, images=tuple((image - image.mean(dim=0)) / 2 for image in output.images))


class MirrorsInTraining(Generator):
    """Mirrors images in training mode, too."""

    mirror = True

    def forward(
        self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        output = super().forward(noise.abs(), text, return_attention=return_attention)
        other = (noise[:, 0] < 0)[:, None, None, None]
        return replace(
            output, images=tuple(torch.where(other, image.flip(3), image) for image in output.images)
        )


MUTANTS = (
    Mutant("shapes", "conditioner", DeclaresAnotherWidth),
    Mutant("finite_gaussians", "conditioner", Overflows),
    Mutant("sampling_is_seeded", "conditioner", AddsNoiseToItsMean),
    Mutant("samples_match_the_gaussian", "conditioner", UsesVarianceAsDeviation),
    Mutant("batch_invariance", "conditioner", SubtractsBatchMean),
    Mutant("depends_on_sentence", "conditioner", IgnoresSentence),
    Mutant("shapes", "stage", OneRowTooFew),
    Mutant("attention_only_when_requested", "stage", AlwaysReturnsMaps),
    Mutant("depends_on_condition_or_text", "stage", IgnoresItsInputs),
    Mutant("batch_invariance", "stage", SubtractsBatchMeanOfMaps),
    Mutant("image_sizes", "generator", DeclaresOtherSizes),
    Mutant("images_in_range", "generator", TooBright),
    Mutant("depends_on_noise", "generator", IgnoresNoise),
    Mutant("depends_on_text", "generator", IgnoresText),
    Mutant("attention_only_when_requested", "generator", AlwaysReturnsAttention),
    Mutant(
        "condition_shapes",
        "generator",
        OneConditionForAll,
        also={"other_specs": "two images have one condition with every spec, too"},
    ),
    Mutant("completed_extras", "generator", CompletesWhatItIsNotTold),
    Mutant("mirrors_when_sampling", "generator", MirrorsInTraining),
    Mutant("batch_invariance", "generator", SubtractsBatchMeanOfImages),
)
