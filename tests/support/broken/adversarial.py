"""Discriminators, losses and tasks that break what their kinds promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from broken.mutant import Mutant
from torch import Tensor, nn

from attnforge.interfaces import AdversarialStep, Batch, Progress
from attnforge.specs import DiscriminatorSpec, TaskSpec
from attnforge.testing.examples.adversarial import ExampleLoss, ExampleTask
from attnforge.testing.examples.images import ExampleDiscriminator


class Discriminator(ExampleDiscriminator):
    """The example without options."""

    def __init__(self, spec: DiscriminatorSpec) -> None:
        super().__init__(spec)


class Loss(ExampleLoss):
    """The example without options."""

    def __init__(self) -> None:
        super().__init__()


class Task(ExampleTask):
    """The example without options."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)


class ColumnOfLogits(Discriminator):
    """Gives logits as a column."""

    def logits(self, features: Tensor, sentence: Tensor | None) -> Tensor:
        return super().logits(features, sentence)[:, None]


class ComparesTheBatch(Discriminator):
    """Judges how much more real an image is than its batch mates."""

    def logits(self, features: Tensor, sentence: Tensor | None) -> Tensor:
        found = super().logits(features, sentence)
        return found - found.mean()


class HearsNoSentence(Discriminator):
    """Judges with a sentence as without one."""

    def logits(self, features: Tensor, sentence: Tensor | None) -> Tensor:
        return super().logits(features, None if sentence is None else 0 * sentence)


class SeesNoSign(Discriminator):
    """Cannot tell an image from its negative."""

    def features(self, images: Tensor) -> Tensor:
        return super().features(images.square())


class CutsTheGraph(Discriminator):
    """Lets no gradient through to the images."""

    def features(self, images: Tensor) -> Tensor:
        return super().features(images.detach())


class NamelessTerm(Loss):
    """Gives a term without a name."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {" ": super().generator(step)["example"]}


class CountsInNames(Loss):
    """Calls its term after the batch."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {f"example of {len(step.class_ids)}": super().generator(step)["example"]}


class NeedsTwoImages(Loss):
    """Adds how much sentences differ in a batch, which one alone does not."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        return {"example": super().generator(step)["example"] + step.text.sentence.std(dim=0).sum()}


class SparesTheGenerator(Loss):
    """Detaches the images that the generator is judged by."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        images = tuple(image.detach() for image in step.fake.images)
        return super().generator(replace(step, fake=replace(step.fake, images=images)))


class TeachesTheGeneratorToLose(Loss):
    """Lets the gradients of what the discriminators pay into the generator."""

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        judged = [
            judge.logits(judge.features(fake), step.text.sentence).mean()
            for judge, fake in zip(step.discriminators, step.fake.images, strict=True)
        ]
        return {"example": torch.stack(judged).sum()}


class ForgetsADiscriminator(Loss):
    """Teaches the smallest discriminator only."""

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        smallest = replace(step.fake, images=step.fake.images[:1])
        return super().discriminator(
            replace(step, real=step.real[:1], fake=smallest, discriminators=step.discriminators[:1])
        )


class RootOfASpread(Loss):
    """Takes the root of a spread, which has no gradient where there is none."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        assert step.fake.condition is not None
        spread = step.fake.condition.mean.var(dim=0, correction=0).sqrt().sum()
        return {"example": super().generator(step)["example"] - 0.01 * spread}


class WritesIntoImages(Loss):
    """Darkens the real images in place."""

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        step.real[0].mul_(0.5)
        return super().discriminator(step)


class KeepsOneType(Loss):
    """Writes logits of autocast's type into a list of another."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        judge, fake = step.discriminators[0], step.fake.images[0]
        logits = torch.zeros(len(fake))
        logits[torch.arange(len(fake))] = judge.logits(judge.features(fake), None)
        return {"example": -logits.mean()}


class CompilesToAnother(Loss):
    """Is another loss when it is compiled."""

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        sign = -1 if torch.compiler.is_compiling() else 1
        return {"example": sign * super().generator(step)["example"]}


class NeedsAJudge(Task):
    """Needs a part that no recipe has."""

    needs = ExampleTask.needs | {"judge"}


class KeepsTheGraph(Task):
    """Gives scalars that hold the graph of the step."""

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        found = super().step(batch, progress=progress)
        return {name: value + 0 * self.judging[0].judge.bias.sum() for name, value in found.items()}


class CountsItsSteps(Task):
    """Calls a scalar after the step."""

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        found = super().step(batch, progress=progress)
        return {**found, f"drawing {progress.step}": found["drawing"]}


class LearnsNothing(Task):
    """Trains the generator with a step of nothing."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.steps["generator"].param_groups[0]["lr"] = 0.0


class Diverges(Task):
    """Loses a weight in the third step."""

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        found = super().step(batch, progress=progress)
        if progress.step == 2:
            with torch.no_grad():
                self.parts["image"].get_parameter("overall.bias").fill_(torch.nan)
        return found


class HidesAWeight(Task):
    """Trains a weight that belongs to no network."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.hidden = nn.Parameter(torch.zeros(2))
        self.steps["generator"].add_param_group({"params": [self.hidden]})


class WrapsAnew(Task):
    """Makes another network each time it is asked for its networks."""

    def networks(self) -> Mapping[str, nn.Module]:
        return {name: nn.Sequential(one) for name, one in super().networks().items()}


class RemembersItself(Task):
    """Depends on a count that no checkpoint holds."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.count = 0

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        self.count += 1
        found = super().step(batch, progress=progress)
        return {name: value / self.count for name, value in found.items()}


MUTANTS = (
    Mutant("shapes", "discriminator", ColumnOfLogits),
    Mutant("each_image_alone_as_in_a_batch", "discriminator", ComparesTheBatch),
    Mutant("sentence_matters", "discriminator", HearsNoSentence),
    Mutant("image_matters", "discriminator", SeesNoSign),
    Mutant("gradients_reach_the_images", "discriminator", CutsTheGraph),
    Mutant("named_scalars", "loss", NamelessTerm),
    Mutant("same_names_every_step", "loss", CountsInNames),
    Mutant("batch_of_one", "loss", NeedsTwoImages),
    Mutant("generator_terms_reach_the_generator", "loss", SparesTheGenerator),
    Mutant("discriminator_terms_spare_the_generator", "loss", TeachesTheGeneratorToLose),
    Mutant("discriminator_terms_reach_the_discriminators", "loss", ForgetsADiscriminator),
    Mutant("finite_gradients", "loss", RootOfASpread),
    Mutant("inputs_stay", "loss", WritesIntoImages),
    Mutant("autocast", "loss", KeepsOneType),
    Mutant("compile", "loss", CompilesToAnother),
    Mutant("needs", "task", NeedsAJudge),
    Mutant("finite_scalars", "task", KeepsTheGraph),
    Mutant("same_names_every_step", "task", CountsItsSteps),
    Mutant("steps_change_weights", "task", LearnsNothing),
    Mutant("weights_stay_finite", "task", Diverges),
    Mutant("networks_are_complete", "task", HidesAWeight),
    Mutant("same_networks_every_time", "task", WrapsAnew),
    Mutant("resumes_exactly", "task", RemembersItself),
)
