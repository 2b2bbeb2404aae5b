"""More ways to break a promise, for checks that can fail in several."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import torch
from broken.adversarial import Task
from broken.losses import Loss
from broken.metrics import Tracker
from broken.mutant import Mutant
from broken.texts import Dataset, Tokenizer
from torch import Tensor, nn

from attnforge.interfaces import AdversarialStep, AttentionOutput, Sample, TextFeatures
from attnforge.specs import AttentionSpec, GeneratorSpec
from attnforge.testing.examples.generators import ExampleAttention, ExampleGenerator
from attnforge.testing.examples.kernels import ExampleKernel


class WellMade(ExampleAttention):
    """An attention without a mistake; its declaration has one."""


class TakesAnything(ExampleAttention):
    """Takes arbitrary keyword options."""

    def __init__(self, spec: AttentionSpec, **options: Any) -> None:
        super().__init__(spec)


class Undocumented(ExampleAttention):
    __doc__ = None


class StaysInTrainingMode(ExampleAttention):
    """Has a part that stays in training mode."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__(spec)
        self.part = nn.Identity()

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.part.train()
        return self


class NegativeWeights(ExampleAttention):
    """Returns weights that sum to one, some of them negative."""

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        output = super().forward(features, text, return_weights=return_weights)
        if output.weights is None:
            return output
        real = ~text.padding[:, :, None, None]
        mean = real / real.sum(dim=1, keepdim=True)
        return replace(output, weights=3 * output.weights - 2 * mean)


class LargestFirst(ExampleGenerator):
    """Generates its largest image first, and declares so."""

    def __init__(self, spec: GeneratorSpec) -> None:
        super().__init__(spec)
        self.image_sizes = self.image_sizes[::-1]

    def forward(self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False) -> Any:
        output = super().forward(noise, text, return_attention=return_attention)
        return replace(output, images=output.images[::-1])


class ReturnsNoTerms(Loss):
    """Returns no terms."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {}

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {}


class NeedsAList(Task):
    """Declares what it needs as a list, which is mutable."""

    needs = list(Task.needs)  # type: ignore[assignment]  # noqa: RUF012


class StateOfBytes(Tokenizer):
    """Has a state that JSON cannot represent."""

    def state(self) -> dict[str, Any]:
        return {**super().state(), "raw": b"words"}


class BlankCaption(Dataset):
    """Has a blank caption."""

    def captions(self, index: int) -> list[str]:
        return [*super().captions(index), " "]


class ClassBelowZero(Dataset):
    """Gives images without a class the class -1."""

    def class_id(self, index: int) -> int:
        super().class_id(index)
        return -1

    def sample(self, index: int, *, seed: int) -> Sample:
        return replace(super().sample(index, seed=seed), class_id=-1)


class RaisesItsOwnError(Dataset):
    """Raises a KeyError for an index out of range."""

    def _describe(self, index: int) -> tuple[str, str, str]:
        return {index: super(RaisesItsOwnError, self)._describe(index) for index in range(self.count)}[index]


class UsesTheGlobalGenerator(Dataset):
    """Flips odd images by Python's global generator instead of the seed."""

    def sample(self, index: int, *, seed: int) -> Sample:
        sample = super().sample(index, seed=seed)
        flipped = seed == 5 and index % 2 and random.random() < 0.5
        return replace(sample, image=sample.image.flip(1)) if flipped else sample


class WritesIntoTheRecipe(Tracker):
    """Modifies the recipe of its spec."""

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        recipe: Mapping[str, Any] = spec.recipe
        assert isinstance(recipe, dict)
        recipe["tracked"] = True


class AcceptsTooMuch(ExampleKernel):
    """Does not refuse what it cannot run."""

    def refuse(self, situation: Any) -> str | None:
        return "it runs on the CPU only" if situation.device.type != "cpu" else None

    def run(self, *inputs: Tensor, **options: Any) -> Any:
        if inputs[0].dtype == torch.bfloat16:
            raise NotImplementedError("bfloat16")
        return super().run(*inputs, **options)


_FAILS = "every check that runs the kernel gets the same exception"

MUTANTS = (
    Mutant("declaration_is_complete", "attention", WellMade, summary="long " * 30),
    Mutant("declaration_is_complete", "attention", WellMade, declared_target="broken.elsewhere:WellMade"),
    Mutant("constructor_signature", "attention", TakesAnything),
    Mutant("options_are_documented", "attention", Undocumented),
    Mutant("train_and_eval_modes", "attention", StaysInTrainingMode),
    Mutant("weights_sum_to_one", "attention", NegativeWeights),
    Mutant("image_sizes", "generator", LargestFirst),
    Mutant("named_scalars", "loss", ReturnsNoTerms),
    Mutant("needs", "task", NeedsAList),
    Mutant("state_round_trip", "tokenizer", StateOfBytes),
    Mutant("captions", "dataset", BlankCaption),
    Mutant("class_ids", "dataset", ClassBelowZero),
    Mutant("index_errors", "dataset", RaisesItsOwnError),
    Mutant("samples_are_deterministic", "dataset", UsesTheGlobalGenerator),
    Mutant("inputs_are_unchanged", "tracker", WritesIntoTheRecipe),
    Mutant(
        "matches_the_reference",
        "kernel",
        AcceptsTooMuch,
        name="word-attention-broken",
        also={"gradients_match_the_reference": _FAILS, "inputs_are_unchanged": _FAILS},
    ),
)
