"""Networks that break a promise of every network."""

from __future__ import annotations

from dataclasses import replace

import torch
from broken.mutant import Mutant
from torch import Tensor, nn

from attnforge.interfaces import AttentionOutput, StageOutput, TextFeatures
from attnforge.specs import AttentionSpec, StageSpec
from attnforge.testing.examples.generators import ExampleAttention, ExampleStage


class ForgetsAWeight(ExampleAttention):
    """Keeps a random tensor outside of its state dict."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__(spec)
        self.shift = torch.randn(spec.channels, 1, 1)

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        return replace(output, context=output.context + self.shift)


class ReadsItsWeights(ExampleAttention):
    """Reads the values of its weights when it is built."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__(spec)
        self.largest = self.project.weight.abs().max().item()


class SqueezesABatchOfOne(ExampleStage):
    """Removes every axis of length one, including the batch axis."""

    def __init__(self, spec: StageSpec) -> None:
        super().__init__(spec)

    def forward(
        self, hidden: Tensor | None, condition: Tensor, text: TextFeatures, *, return_attention: bool = False
    ) -> StageOutput:
        squeezed = None if hidden is None else hidden.squeeze()
        return super().forward(squeezed, condition, text, return_attention=return_attention)


class IgnoresItsSpec(ExampleAttention):
    """Requires words of width 6, whatever its spec."""

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


class RootOfZero(ExampleAttention):
    """Takes the square root of a sum of squares, whose gradient is not finite at zero."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        return replace(output, context=output.context * features.square().sum(dim=1, keepdim=True).sqrt())


class HasAnUnusedWeight(ExampleAttention):
    """Has a layer that it does not use."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__(spec)
        self.unused = nn.Linear(2, 2)


class WritesOneDtypeIntoAnother(ExampleAttention):
    """Writes autocast's output into a tensor of the features' dtype."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        context = torch.zeros_like(features)
        context[torch.arange(len(features))] = output.context
        return replace(output, context=context)


class DiffersWhenCompiled(ExampleAttention):
    """Returns another output when it is compiled."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        return replace(output, context=features) if torch.compiler.is_compiling() else output


MUTANTS = (
    Mutant("state_dict_round_trip", "attention", ForgetsAWeight),
    Mutant("meta_device", "attention", ReadsItsWeights),
    Mutant("batch_of_one", "stage", SqueezesABatchOfOne),
    Mutant("other_specs", "attention", IgnoresItsSpec),
    Mutant("train_and_eval_modes", "attention", CountsInEvaluation),
    Mutant("finite_gradients", "attention", RootOfZero),
    Mutant("every_weight_gets_a_gradient", "attention", HasAnUnusedWeight),
    Mutant("autocast", "attention", WritesOneDtypeIntoAnother),
    Mutant("compile", "attention", DiffersWhenCompiled),
)
