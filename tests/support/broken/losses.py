"""Losses that break a promise of their kind."""

from __future__ import annotations

from dataclasses import replace

import torch
from broken.mutant import Mutant
from torch import Tensor

from attnforge.interfaces import AdversarialStep
from attnforge.specs import LossSpec
from attnforge.testing.examples.adversarial import ExampleLoss


class Loss(ExampleLoss):
    """The example without options."""

    def __init__(self, spec: LossSpec) -> None:
        super().__init__(spec)


class NamelessTerm(Loss):
    """Returns a term with a blank name."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {" ": super().generator(step)["example"]}


class CountsInNames(Loss):
    """Puts the batch size into the name of its term."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {f"example of {len(step.batch.class_ids)}": super().generator(step)["example"]}


class NeedsTwoImages(Loss):
    """Adds the standard deviation of the sentences, which is NaN for a single one."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {"example": super().generator(step)["example"] + step.prompt.sentence.std(dim=0).sum()}


class NeedsAnUnconditionalLogit(Loss):
    """Reads logits without a prompt, whatever its spec says."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        logits = [
            discriminator.logits(discriminator.features(fake), None).mean()
            for discriminator, fake in zip(step.discriminators, step.fake.images, strict=True)
        ]
        return {"example": -torch.stack(logits).sum()}


class NeedsOneLogitAnImage(Loss):
    """Sums over the batch alone, and so returns a map for discriminators with a logit for each patch."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        logits = [
            discriminator.logits(discriminator.features(fake), step.prompt).mean(dim=0)
            for discriminator, fake in zip(step.discriminators, step.fake.images, strict=True)
        ]
        return {"example": -torch.stack(logits).sum(dim=0)}


class LazyWithoutVariant(Loss):
    """Computes its discriminator's terms in every fourth step, and does not say so."""

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return super().discriminator(step) if step.progress.step % 4 == 0 else {}


class ScheduledWithoutVariant(Loss):
    """Has a weight that falls during the phase, and does not say so."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {"example": (1 - step.progress.share) * super().generator(step)["example"]}


class AsksForGradients(Loss):
    """Lets autograd follow the step's own real images."""

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        for real in step.real:
            real.requires_grad_()
        return super().discriminator(step)


class DifferentiatesTwice(Loss):
    """Differentiates twice in code that may be compiled."""

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        terms = []
        for discriminator, real in zip(step.discriminators, step.real, strict=True):
            points = real.detach().clone().requires_grad_()
            logits = discriminator.logits(discriminator.features(points), step.prompt)
            (gradient,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
            terms.append(gradient.square().sum(dim=(1, 2, 3)).mean())
        return {"example": torch.stack(terms).sum()}


class DetachesForTheGenerator(Loss):
    """Detaches the fake images in the generator's loss."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        images = tuple(image.detach() for image in step.fake.images)
        return super().generator(replace(step, fake=replace(step.fake, images=images)))


class ForgetsToDetach(Loss):
    """Does not detach the fake images in the discriminators' loss."""

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        losses = [
            discriminator.logits(discriminator.features(fake), step.prompt).mean()
            for discriminator, fake in zip(step.discriminators, step.fake.images, strict=True)
        ]
        return {"example": torch.stack(losses).sum()}


class ForgetsADiscriminator(Loss):
    """Trains the smallest discriminator only."""

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        smallest = replace(step.fake, images=step.fake.images[:1])
        return super().discriminator(
            replace(step, real=step.real[:1], fake=smallest, discriminators=step.discriminators[:1])
        )


class RootOfAVariance(Loss):
    """Takes the square root of a variance, whose gradient is not finite at zero."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        assert step.fake.condition is not None
        deviation = step.fake.condition.mean.var(dim=0, correction=0).sqrt().sum()
        return {"example": super().generator(step)["example"] - 0.01 * deviation}


class WritesIntoImages(Loss):
    """Darkens the real images in place."""

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        step.real[0].mul_(0.5)
        return super().discriminator(step)


class KeepsOneDtype(Loss):
    """Writes autocast's logits into a tensor of another dtype."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        discriminator, fake = step.discriminators[0], step.fake.images[0]
        logits = torch.zeros(len(fake))
        logits[torch.arange(len(fake))] = discriminator.logits(discriminator.features(fake), None)
        return {"example": -logits.mean()}


class DiffersWhenCompiled(Loss):
    """Changes its sign when it is compiled."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        sign = -1 if torch.compiler.is_compiling() else 1
        return {"example": sign * super().generator(step)["example"]}


MUTANTS = (
    Mutant("named_scalars", "loss", NamelessTerm),
    Mutant("same_names_every_step", "loss", CountsInNames),
    Mutant("other_specs", "loss", NeedsAnUnconditionalLogit),
    Mutant("other_specs", "loss", NeedsOneLogitAnImage),
    Mutant("varies_as_declared", "loss", LazyWithoutVariant),
    Mutant("varies_as_declared", "loss", ScheduledWithoutVariant),
    Mutant("batch_of_one", "loss", NeedsTwoImages),
    Mutant("generator_terms_reach_the_generator", "loss", DetachesForTheGenerator),
    Mutant("discriminator_terms_detach_fake_images", "loss", ForgetsToDetach),
    Mutant("discriminator_terms_reach_the_discriminators", "loss", ForgetsADiscriminator),
    Mutant("finite_gradients", "loss", RootOfAVariance),
    Mutant("inputs_are_unchanged", "loss", WritesIntoImages),
    Mutant("inputs_are_unchanged", "loss", AsksForGradients),
    Mutant("autocast", "loss", KeepsOneDtype),
    Mutant("compile", "loss", DiffersWhenCompiled),
    Mutant("compile", "loss", DifferentiatesTwice),
)
