"""Attentions that break what attentions promise, the official code's padding mask among them."""

from __future__ import annotations

from dataclasses import replace

import torch
from attnforge_attngan.attention import attend_as_official
from broken.mutant import Mutant
from torch import Tensor

from attnforge.interfaces import AttentionOutput, TextFeatures
from attnforge.testing.examples.generators import ExampleAttention


class TurnsItsMaps(ExampleAttention):
    """Gives context and maps with columns for rows."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        turned = None if output.weights is None else output.weights.transpose(2, 3)
        return AttentionOutput(context=output.context.transpose(2, 3), weights=turned)


class AlwaysGivesWeights(ExampleAttention):
    """Gives weights that nobody asked for."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        return super().forward(features, text, return_weights=True)


class WeighsTwice(ExampleAttention):
    """Gives weights that sum to two."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        return replace(output, weights=None if output.weights is None else 2 * output.weights)


class SoftMask(ExampleAttention):
    """Lets padding have a weight of one in ten millions, as masks of a large negative number do."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        leak = 1e-7 * text.padding[:, :, None, None].float()
        return replace(output, weights=None if output.weights is None else output.weights + leak)


class OfficialMask(ExampleAttention):
    """Lays the masks of a batch on its rows as the official AttnGAN code does: caption after caption."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = attend_as_official(features, self.project(text.words).to(features.dtype), text.padding)
        return output if return_weights else replace(output, weights=None)


class ReadsPaddedSlots(ExampleAttention):
    """Adds the sum of all words, the slots of padding among them."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        everything = self.project(text.words.sum(dim=2, keepdim=True))[..., None]
        return replace(output, context=output.context + everything)


class ReadsItsMates(ExampleAttention):
    """Takes the mean of the batch away from every image."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        return replace(output, context=output.context - output.context.mean(dim=0))


class PrefersLateWords(ExampleAttention):
    """Weighs each word by its place in the caption."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        places = 1 + torch.arange(text.words.shape[2], device=features.device)
        return super().forward(
            features, replace(text, words=text.words * places), return_weights=return_weights
        )


class RollsDice(ExampleAttention):
    """Adds a little noise, in evaluation mode too."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        noise = 1e-6 * torch.randn_like(output.context)
        return replace(output, context=output.context + noise)


_MIXED = "the masks of other captions hide its words and show its padding"

MUTANTS = (
    Mutant("shapes", "attention", TurnsItsMaps),
    Mutant("weights_on_demand", "attention", AlwaysGivesWeights),
    Mutant("weights_sum_to_one", "attention", WeighsTwice),
    Mutant("padding_gets_no_weight", "attention", SoftMask),
    Mutant(
        "padding_gets_no_weight",
        "attention",
        OfficialMask,
        also={"padded_slots_have_no_influence": _MIXED, "each_caption_alone_as_in_a_batch": _MIXED},
    ),
    Mutant("padded_slots_have_no_influence", "attention", ReadsPaddedSlots),
    Mutant("each_caption_alone_as_in_a_batch", "attention", ReadsItsMates),
    Mutant("order_of_words", "attention", PrefersLateWords),
    Mutant("determinism", "attention", RollsDice),
)
