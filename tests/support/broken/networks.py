"""Networks that break what every network promises."""

from __future__ import annotations

from dataclasses import replace

import torch
from broken.mutant import Mutant
from torch import Tensor, nn

from attnforge.interfaces import AttentionOutput, StageOutput, TextFeatures
from attnforge.specs import AttentionSpec, StageSpec
from attnforge.testing.examples.generators import ExampleAttention, ExampleStage


class ForgetsAWeight(ExampleAttention):
    """Keeps what it drew at random outside of its state dict."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__(spec)
        self.shift = torch.randn(spec.channels, 1, 1)

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        return replace(output, context=output.context + self.shift)


class ReadsItsWeights(ExampleAttention):
    """Looks at the numbers of its weights when it is built."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__(spec)
        self.largest = self.project.weight.abs().max().item()


class SqueezesABatchOfOne(ExampleStage):
    """Takes away every axis of length one, the batch among them."""

    def __init__(self, spec: StageSpec) -> None:
        super().__init__(spec)

    def forward(
        self, hidden: Tensor | None, condition: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> StageOutput:
        squeezed = None if hidden is None else hidden.squeeze()
        return super().forward(squeezed, condition, text, return_attention=return_attention)


class KnowsOneWidth(ExampleAttention):
    """Takes words of six numbers, whatever it is told."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__(spec)
        self.project = nn.Conv1d(6, spec.channels, kernel_size=1)


class CountsInEvaluation(ExampleAttention):
    """Counts its calls in evaluation mode, too."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__(spec)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        self.calls += 1  # type: ignore[operator, has-type]
        return super().forward(features, text, return_weights=return_weights)


class RootsOfNothing(ExampleAttention):
    """Takes the root of a sum of squares, which has no gradient where the sum is zero."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        return replace(output, context=output.context * features.square().sum(dim=1, keepdim=True).sqrt())


class CarriesAnIdleWeight(ExampleAttention):
    """Has a layer that it does not use."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__(spec)
        self.idle = nn.Linear(2, 2)


class WritesOneTypeIntoAnother(ExampleAttention):
    """Writes a result of autocast's type into a map of the features' type."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        context = torch.zeros_like(features)
        context[torch.arange(len(features))] = output.context
        return replace(output, context=context)


class OtherwiseWhenCompiled(ExampleAttention):
    """Takes a shortcut when it is compiled, and a wrong one."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        return replace(output, context=features) if torch.compiler.is_compiling() else output


MUTANTS = (
    Mutant("state_dict_round_trip", "attention", ForgetsAWeight),
    Mutant("meta_device", "attention", ReadsItsWeights),
    Mutant("batch_of_one", "stage", SqueezesABatchOfOne),
    Mutant("other_specs", "attention", KnowsOneWidth),
    Mutant("train_and_eval_modes", "attention", CountsInEvaluation),
    Mutant("finite_gradients", "attention", RootsOfNothing),
    Mutant("every_weight_learns", "attention", CarriesAnIdleWeight),
    Mutant("autocast", "attention", WritesOneTypeIntoAnother),
    Mutant("compile", "attention", OtherwiseWhenCompiled),
)
