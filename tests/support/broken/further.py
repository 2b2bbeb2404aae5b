"""More ways to break a promise, for checks that can fail in several."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import torch
from broken.adversarial import Loss, Task
from broken.metrics import Tracker
from broken.mutant import Mutant
from broken.texts import Dataset, Tokenizer
from torch import Tensor, nn

from attnforge.interfaces import AdversarialStep, AttentionOutput, Sample, TextFeatures
from attnforge.specs import AttentionSpec, GeneratorSpec
from attnforge.testing.examples.generators import ExampleAttention, ExampleGenerator
from attnforge.testing.examples.kernels import ExampleKernel


class WellMade(ExampleAttention):
    """An attention with nothing wrong: its record is."""


class TakesAnything(ExampleAttention):
    """Takes options that nobody can know."""

    def __init__(self, spec: AttentionSpec, **options: Any) -> None:
        super().__init__(spec)


class Undocumented(ExampleAttention):
    __doc__ = None


class NeverSleeps(ExampleAttention):
    """Has a part that trains in evaluation mode, too."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__(spec)
        self.part = nn.Identity()

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.part.train()
        return self


class NegativeWeights(ExampleAttention):
    """Gives weights that sum to one although some are below zero."""

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
    """Gives its largest image first, and says so."""

    def __init__(self, spec: GeneratorSpec) -> None:
        super().__init__(spec)
        self.image_sizes = self.image_sizes[::-1]

    def forward(self, noise: Tensor, text: TextFeatures, *, return_attention: bool = False) -> Any:
        output = super().forward(noise, text, return_attention=return_attention)
        return replace(output, images=output.images[::-1])


class TakesNoPart(Loss):
    """Gives no term to either side."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {}

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {}


class NeedsAList(Task):
    """Says what it needs in a list that could change."""

    needs = list(Task.needs)  # type: ignore[assignment]  # noqa: RUF012


class StateOfBytes(Tokenizer):
    """Gives its state in a form that JSON does not know."""

    def state(self) -> dict[str, Any]:
        return {**super().state(), "raw": b"words"}


class BlankCaption(Dataset):
    """Has a caption that says nothing."""

    def captions(self, index: int) -> list[str]:
        return [*super().captions(index), " "]


class ClassBelowZero(Dataset):
    """Calls images without a class -1."""

    def class_id(self, index: int) -> int:
        super().class_id(index)
        return -1

    def sample(self, index: int, *, seed: int) -> Sample:
        return replace(super().sample(index, seed=seed), class_id=-1)


class RaisesItsOwnError(Dataset):
    """Fails beyond its end with an error that is no IndexError."""

    def _look(self, index: int) -> tuple[str, str, str]:
        return {place: super(RaisesItsOwnError, self)._look(place) for place in range(self.count)}[index]


class DrawsByPython(Dataset):
    """Mirrors by Python's own generator instead of the seed; of odd images, so that few checks notice."""

    def sample(self, index: int, *, seed: int) -> Sample:
        sample = super().sample(index, seed=seed)
        turned = seed == 5 and index % 2 and random.random() < 0.5
        return replace(sample, image=sample.image.flip(1)) if turned else sample


class KeepsTheRecipe(Tracker):
    """Writes into the recipe that it is handed."""

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        recipe: Mapping[str, Any] = spec.recipe
        assert isinstance(recipe, dict)
        recipe["tracked"] = True


class RunsIntoTheWall(ExampleKernel):
    """Does not refuse what it cannot run."""

    def refuse(self, situation: Any) -> str | None:
        return "it runs on the CPU only" if situation.device.type != "cpu" else None

    def run(self, *inputs: Tensor, **options: Any) -> Any:
        if inputs[0].dtype == torch.bfloat16:
            raise NotImplementedError("bfloat16")
        return super().run(*inputs, **options)


_FAILS = "every check that runs it meets the same exception"

MUTANTS = (
    Mutant("declaration_is_complete", "attention", WellMade, summary="long " * 30),
    Mutant("declaration_is_complete", "attention", WellMade, place="broken.elsewhere:WellMade"),
    Mutant("constructor_takes_its_spec", "attention", TakesAnything),
    Mutant("parameters_are_documented", "attention", Undocumented),
    Mutant("train_and_eval_modes", "attention", NeverSleeps),
    Mutant("weights_sum_to_one", "attention", NegativeWeights),
    Mutant("sizes", "generator", LargestFirst),
    Mutant("named_scalars", "loss", TakesNoPart),
    Mutant("needs", "task", NeedsAList),
    Mutant("state_round_trip", "tokenizer", StateOfBytes),
    Mutant("captions", "dataset", BlankCaption),
    Mutant("classes", "dataset", ClassBelowZero),
    Mutant("index_errors", "dataset", RaisesItsOwnError),
    Mutant("same_seed_same_sample", "dataset", DrawsByPython),
    Mutant("inputs_stay", "tracker", KeepsTheRecipe),
    Mutant(
        "as_the_reference",
        "kernel",
        RunsIntoTheWall,
        name="word-attention-broken",
        also={"gradients_as_the_reference": _FAILS, "inputs_stay": _FAILS},
    ),
)
