"""Discriminators and tasks that break a promise of their kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from broken.mutant import Mutant
from torch import Tensor, nn

from attnforge.interfaces import Batch, ImageFeatures, Progress, Prompt
from attnforge.specs import DiscriminatorSpec, TaskSpec
from attnforge.testing.examples.adversarial import ExampleTask
from attnforge.testing.examples.images import ExampleDiscriminator


class Discriminator(ExampleDiscriminator):
    """The example without options."""

    def __init__(self, spec: DiscriminatorSpec) -> None:
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

    def embed(self, features: Tensor) -> ImageFeatures:
        return super().embed(features.unflatten(1, (-1, 2, 2)))


class ComparesTheBatch(Discriminator):
    """Compares the realness of an image with the rest of its batch."""

    def logits(self, features: Tensor, prompt: Prompt | None) -> Tensor:
        logits = super().logits(features, prompt)
        return logits - logits.mean()


class SaysThatImagesAreAlone(Discriminator):
    """Says that it sees each image alone, and normalises over the batch in training."""

    sees_images_alone = True

    def features(self, images: Tensor) -> Tensor:
        features = super().features(images)
        return features - features.mean(dim=0) if self.training else features


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


class EmbedsInAnotherWidth(Discriminator):
    """Embeds images in vectors of another width than the sentence."""

    def embed(self, features: Tensor) -> ImageFeatures:
        embedded = super().embed(features)
        return ImageFeatures(regions=embedded.regions[:, 1:], image=embedded.image[:, 1:])


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
    Mutant("sees_images_alone", "discriminator", SaysThatImagesAreAlone),
    Mutant("depends_on_sentence", "discriminator", IgnoresSentence),
    Mutant("depends_on_image", "discriminator", IgnoresSign),
    Mutant("gradients_reach_the_images", "discriminator", CutsTheGraph),
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
