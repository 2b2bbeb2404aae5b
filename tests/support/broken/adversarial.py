"""Discriminators, losses and tasks that break a promise of their kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from broken.mutant import Mutant
from torch import Tensor, nn

from attnforge.interfaces import AdversarialStep, Batch, ImageFeatures, Progress, Prompt
from attnforge.specs import DiscriminatorSpec, LossSpec, TaskSpec
from attnforge.testing.examples.adversarial import ExampleLoss, ExampleTask
from attnforge.testing.examples.images import ExampleDiscriminator


class Discriminator(ExampleDiscriminator):
    """The example without options."""

    def __init__(self, spec: DiscriminatorSpec) -> None:
        super().__init__(spec)


class Loss(ExampleLoss):
    """The example without options."""

    def __init__(self, spec: LossSpec) -> None:
        super().__init__(spec)


class Task(ExampleTask):
    """The example without options."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)


class AddsAnAxis(Discriminator):
    """Returns logits of two shapes, b 1 with a prompt and b without."""

    def logits(self, features: Tensor, prompt: Prompt | None) -> Tensor:
        logits = super().logits(features, prompt)
        return logits if prompt is None else logits[:, None]


class FlattensFeatures(Discriminator):
    """Returns features without rows and columns."""

    def features(self, images: Tensor) -> Tensor:
        return super().features(images).flatten(1)


class ComparesTheBatch(Discriminator):
    """Compares the realness of an image with the rest of its batch."""

    def logits(self, features: Tensor, prompt: Prompt | None) -> Tensor:
        logits = super().logits(features, prompt)
        return logits - logits.mean()


class IgnoresSentence(Discriminator):
    """Ignores the sentence."""

    def logits(self, features: Tensor, prompt: Prompt | None) -> Tensor:
        return super().logits(
            features, None if prompt is None else replace(prompt, sentence=0 * prompt.sentence)
        )


class IgnoresSign(Discriminator):
    """Cannot tell an image from its negative."""

    def features(self, images: Tensor) -> Tensor:
        return super().features(images.square())


class CutsTheGraph(Discriminator):
    """Lets no gradient through to the images."""

    def features(self, images: Tensor) -> Tensor:
        return super().features(images.detach())


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


class EmbedsInAnotherWidth(Discriminator):
    """Embeds images in vectors of another width than the sentence."""

    def embed(self, features: Tensor) -> ImageFeatures:
        embedded = super().embed(features)
        return ImageFeatures(regions=embedded.regions[:, 1:], image=embedded.image[:, 1:])


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


class AlwaysUnconditional(Discriminator):
    """Says that it is one-way, and returns logits without a prompt all the same."""

    def __init__(self, spec: DiscriminatorSpec) -> None:
        super().__init__(spec)
        self.unconditional = False

    def logits(self, features: Tensor, prompt: Prompt | None) -> Tensor:
        realness: Tensor = self.classify(features.flatten(1))[:, 0]
        if prompt is None:
            return realness
        return realness + (self.compare(features.flatten(1)) * prompt.sentence).sum(dim=1)


class SaysSoWithAModule(Discriminator):
    """Says by a network, not by a bool, that there are logits without a prompt."""

    unconditional: Any

    def __init__(self, spec: DiscriminatorSpec) -> None:
        super().__init__(spec)
        self.unconditional = nn.Identity()


class NeedsAnImageEncoder(Task):
    """Calls an image encoder that a recipe may not have."""

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        assert self.spec.image is not None
        regions = self.spec.image(batch.image).regions.mean().detach()
        return {**super().step(batch, progress=progress), "regions": regions}


class SamplesFromNothing(Task):
    """Names a network that it does not have."""

    sampling_network = "generator-average"


class NeedsAnUnknownPart(Task):
    """Needs a part that no recipe has."""

    needs = ExampleTask.needs | {"critic"}


class KeepsTheGraph(Task):
    """Returns scalars that keep the graph of the step."""

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        scalars = super().step(batch, progress=progress)
        return {
            name: value + 0 * self.discriminators[0].classify.bias.sum() for name, value in scalars.items()
        }


class CountsItsSteps(Task):
    """Puts the step into the name of a scalar."""

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        scalars = super().step(batch, progress=progress)
        return {**scalars, f"generator {progress.step}": scalars["generator"]}


class LearnsNothing(Task):
    """Trains the generator with a learning rate of zero."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.sgd["generator"].param_groups[0]["lr"] = 0.0


class Diverges(Task):
    """Sets a weight to NaN in the third step."""

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        scalars = super().step(batch, progress=progress)
        if progress.step == 2:
            with torch.no_grad():
                self.encoders["image"].get_parameter("overall.bias").fill_(torch.nan)
        return scalars


class HidesAWeight(Task):
    """Trains a weight that belongs to no network."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.hidden = nn.Parameter(torch.zeros(2))
        self.sgd["generator"].add_param_group({"params": [self.hidden]})


class WrapsEveryCall(Task):
    """Wraps its networks again in every call of `networks`."""

    def networks(self) -> Mapping[str, nn.Module]:
        return {name: nn.Sequential(network) for name, network in super().networks().items()}


class CountsOutsideItsState(Task):
    """Depends on a counter that no checkpoint holds."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.count = 0

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        self.count += 1
        scalars = super().step(batch, progress=progress)
        return {name: value / self.count for name, value in scalars.items()}


MUTANTS = (
    Mutant("shapes", "discriminator", AddsAnAxis),
    Mutant("shapes", "discriminator", FlattensFeatures),
    Mutant("shapes", "discriminator", EmbedsInAnotherWidth),
    Mutant("unconditional", "discriminator", AlwaysUnconditional),
    Mutant("unconditional", "discriminator", SaysSoWithAModule),
    Mutant("batch_invariance", "discriminator", ComparesTheBatch),
    Mutant("depends_on_sentence", "discriminator", IgnoresSentence),
    Mutant("depends_on_image", "discriminator", IgnoresSign),
    Mutant("gradients_reach_the_images", "discriminator", CutsTheGraph),
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
    Mutant("needs", "task", NeedsAnUnknownPart),
    Mutant("other_specs", "task", NeedsAnImageEncoder),
    Mutant("sampling_network", "task", SamplesFromNothing),
    Mutant("finite_scalars", "task", KeepsTheGraph),
    Mutant("same_names_every_step", "task", CountsItsSteps),
    Mutant("steps_update_weights", "task", LearnsNothing),
    Mutant("weights_stay_finite", "task", Diverges),
    Mutant("networks_hold_all_trained_weights", "task", HidesAWeight),
    Mutant("same_networks_every_call", "task", WrapsEveryCall),
    Mutant("resumes_exactly", "task", CountsOutsideItsState),
)
