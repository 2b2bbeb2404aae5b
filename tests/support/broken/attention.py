"""Attentions that break a promise of their kind, one with the padding mask of the official code."""

from __future__ import annotations

from dataclasses import replace

import torch
from attnforge_attngan.attention import attend_as_official
from broken.mutant import Mutant
from torch import Tensor

from attnforge.interfaces import AttentionOutput, TextFeatures
from attnforge.testing.examples.generators import ExampleAttention


class TransposesItsMaps(ExampleAttention):
    """Transposes context and maps."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        transposed = None if output.weights is None else output.weights.transpose(2, 3)
        return AttentionOutput(context=output.context.transpose(2, 3), weights=transposed)


class AlwaysGivesWeights(ExampleAttention):
    """Returns weights even if they are not requested."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        return super().forward(features, text, return_weights=True)


class DoublesItsWeights(ExampleAttention):
    """Returns weights that sum to two."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        return replace(output, weights=None if output.weights is None else 2 * output.weights)


class SoftMask(ExampleAttention):
    """Gives padding a weight of 1e-7, as masks with a large negative number do."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        leak = 1e-7 * text.padding[:, :, None, None].float()
        return replace(output, weights=None if output.weights is None else output.weights + leak)


class OfficialMask(ExampleAttention):
    """Assigns the masks of a batch to its rows as the official AttnGAN code does, which mixes captions."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = attend_as_official(features, self.project(text.words).to(features.dtype), text.padding)
        return output if return_weights else replace(output, weights=None)


class ReadsPadding(ExampleAttention):
    """Adds the sum of all words, including padded positions."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        total = self.project(text.words.sum(dim=2, keepdim=True))[..., None]
        return replace(output, context=output.context + total)


class SubtractsBatchMean(ExampleAttention):
    """Subtracts the mean of the batch."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        return replace(output, context=output.context - output.context.mean(dim=0))


class ScalesByPosition(ExampleAttention):
    """Scales each word by its position in the caption."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        positions = 1 + torch.arange(text.words.shape[2], device=features.device)
        return super().forward(
            features, replace(text, words=text.words * positions), return_weights=return_weights
        )


class AddsNoise(ExampleAttention):
    """Adds noise in evaluation mode, too."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        noise = 1e-6 * torch.randn_like(output.context)
        return replace(output, context=output.context + noise)


_MIXED = "the masks of other captions hide words and expose padding"

MUTANTS = (
    Mutant("shapes", "attention", TransposesItsMaps),
    Mutant("weights_only_when_requested", "attention", AlwaysGivesWeights),
    Mutant("weights_sum_to_one", "attention", DoublesItsWeights),
    Mutant("padding_gets_no_weight", "attention", SoftMask),
    Mutant(
        "padding_gets_no_weight",
        "attention",
        OfficialMask,
        also={"padded_positions_are_ignored": _MIXED, "batch_invariance": _MIXED},
    ),
    Mutant("padded_positions_are_ignored", "attention", ReadsPadding),
    Mutant("batch_invariance", "attention", SubtractsBatchMean),
    Mutant("word_order_equivariance", "attention", ScalesByPosition),
    Mutant("determinism", "attention", AddsNoise),
)
