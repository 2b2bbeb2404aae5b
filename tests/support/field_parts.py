"""Small components with the traits of published models, to hold the conformance kit against the field."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from random import Random
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attnforge.adversarial.precision import without_autocast
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import (
    AdversarialStep,
    Condition,
    Discriminator,
    GeneratorOutput,
    Progress,
    Prompt,
    Sample,
)
from attnforge.optional import Embeds
from attnforge.plugin import Component, PluginCatalogue, hookimpl, load_plugins
from attnforge.specs import DataSpec, DiscriminatorSpec, GeneratorSpec, LossSpec
from attnforge.testing.examples.adversarial import ExampleLoss
from attnforge.testing.examples.texts import ExampleDataset

BOX = {"box": (4,)}


class OneWayDiscriminator(nn.Module):
    """One logit for image and sentence together; the residual starts at zero, as in DF-GAN."""

    unconditional = False

    def __init__(self, spec: DiscriminatorSpec) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, kernel_size=spec.image_size // 4, stride=spec.image_size // 4)
        self.residual = nn.Conv2d(6, 6, kernel_size=3, padding=1)
        self.gain = nn.Parameter(torch.zeros(1))
        self.shift = nn.Linear(spec.sentence, 6)
        nn.init.zeros_(self.shift.weight)
        self.head = nn.Conv2d(6, 1, kernel_size=4)

    def features(self, images: Tensor) -> Tensor:
        """A shortcut and a gated residual."""
        first = self.first(images)
        return first + self.gain * self.residual(F.leaky_relu(first, 0.2))

    def logits(self, features: Tensor, prompt: Prompt | None) -> Tensor:
        """The logit of image and sentence, which shifts the features.

        Raises:
            RecipeError: There is no prompt.
        """
        if prompt is None:
            message = "a one-way discriminator classifies images only together with a sentence"
            raise RecipeError(Problem("no-unconditional-head", message, expected="unconditional: false"))
        shifted = features + self.shift(prompt.sentence)[:, :, None, None]
        logits: Tensor = self.head(F.leaky_relu(shifted, 0.2))
        return logits.flatten()


class PatchDiscriminator(nn.Module):
    """A logit for every patch, b h w, with a sentence and without."""

    unconditional = True

    def __init__(self, spec: DiscriminatorSpec) -> None:
        super().__init__()
        self.trunk = nn.Conv2d(3, 6, kernel_size=4, stride=4)
        self.alone = nn.Conv2d(6, 1, kernel_size=1)
        self.joint = nn.Conv2d(6 + spec.sentence, 1, kernel_size=1)

    def features(self, images: Tensor) -> Tensor:
        """A vector for every patch."""
        features: Tensor = F.leaky_relu(self.trunk(images), 0.2)
        return features

    def logits(self, features: Tensor, prompt: Prompt | None) -> Tensor:
        """The logits of the patches."""
        if prompt is None:
            alone: Tensor = self.alone(features)
            return alone[:, 0]
        tiled = prompt.sentence[:, :, None, None].expand(-1, -1, *features.shape[2:])
        joint: Tensor = self.joint(torch.cat((features, tiled), dim=1))
        return joint[:, 0]


class BoxDiscriminator(nn.Module):
    """Compares images with the mean of the generator's condition and with a box, as GAWWN and StackGAN do."""

    unconditional = False

    def __init__(self, spec: DiscriminatorSpec) -> None:
        super().__init__()
        if spec.condition is None or spec.extras.get("box") != (4,):
            message = "the discriminator needs the mean of a condition, and a box of four numbers"
            raise RecipeError(Problem("no-condition", message, expected="a generator and data with them"))
        self.trunk = nn.Conv2d(3, 6, kernel_size=spec.image_size // 2, stride=spec.image_size // 2)
        self.head = nn.Linear(24 + spec.condition + 4, 8)
        self.last = nn.Linear(8, 1)

    def features(self, images: Tensor) -> Tensor:
        """Features of 2 x 2 positions."""
        features: Tensor = F.leaky_relu(self.trunk(images), 0.2)
        return features

    def logits(self, features: Tensor, prompt: Prompt | None) -> Tensor:
        """The logit of image, mean and box.

        Raises:
            RecipeError: There is no prompt.
        """
        if prompt is None or prompt.condition is None:
            message = "the discriminator classifies images only together with a caption"
            raise RecipeError(Problem("no-unconditional-head", message, expected="unconditional: false"))
        joined = (features.flatten(1), prompt.condition.mean, prompt.extras["box"])
        logits: Tensor = self.last(self.head(torch.cat(joined, dim=1)).tanh())
        return logits[:, 0]


class BoxGenerator(nn.Module):
    """Draws a condition and modulates by it and by a box; the modulation starts at zero, as in DF-GAN."""

    noise = 5
    image_sizes = (16,)
    condition = 3

    def __init__(self, spec: GeneratorSpec) -> None:
        super().__init__()
        if spec.extras.get("box") != (4,):
            message = "the generator needs a box of four numbers"
            raise RecipeError(Problem("no-condition", message, expected="data with the extra `box`"))
        self.gaussian = nn.Linear(spec.words, 2 * self.condition)
        self.first = nn.Linear(self.noise, 6 * 16)
        self.affine = nn.Linear(self.condition + 4, 2 * 6)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)
        self.last = nn.Conv2d(6, 3, kernel_size=3, padding=1)

    def forward(self, noise: Tensor, prompt: Prompt, *, return_attention: bool = False) -> GeneratorOutput:
        mean, logvar = self.gaussian(prompt.sentence).tanh().chunk(2, dim=1)
        value = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
        joined = torch.cat((value, prompt.extras["box"]), dim=1)
        scale, shift = self.affine(joined)[:, :, None, None].chunk(2, dim=1)
        hidden = self.first(noise).unflatten(1, (6, 4, 4)).tanh()
        larger = F.interpolate(hidden * (1 + scale) + shift, size=(16, 16))
        return GeneratorOutput((self.last(larger).tanh(),), (), Condition(value, mean, logvar))


class MatchingPenalty:
    """The sixth power of the norm of both gradients, by image and by sentence, in float32, as in DF-GAN."""

    def __init__(self, spec: LossSpec) -> None: ...

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        """No term."""
        return {}

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        """One term per image size."""
        return {
            f"penalty {real.shape[-1]}": 2 * _squared_norms(network, real, step.prompt).pow(3).mean()
            for network, real in zip(step.discriminators, step.real, strict=True)
        }


@torch.compiler.disable
def _squared_norms(network: Discriminator, images: Tensor, prompt: Prompt) -> Tensor:
    with without_autocast(images.device):
        points = images.detach().requires_grad_()
        sentence = prompt.sentence.detach().requires_grad_()
        logits = network.logits(network.features(points), replace(prompt, sentence=sentence))
        gradients = torch.autograd.grad(logits.sum(), (points, sentence), create_graph=True)
    squares: Tensor = torch.stack([gradient.square().flatten(1).sum(dim=1) for gradient in gradients]).sum(0)
    return squares


class LazyPenalty(MatchingPenalty):
    """The same penalty in the last step of every four, with four times the weight."""

    def variant(self, progress: Progress) -> Hashable:
        """Whether the penalty is computed."""
        return progress.step % 4 == 3

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        """One term per image size in every fourth step."""
        if not self.variant(step.progress):
            return {}
        return {name: 4 * term for name, term in super().discriminator(step).items()}


class CaptioningLoss(nn.Module):
    """Has weights: reads the first word of a caption from an image's colours, as a captioner would."""

    def __init__(self, spec: LossSpec) -> None:
        super().__init__()
        self.words = nn.Linear(3, spec.vocabulary_size)

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        """How badly the captions of generated images are read."""
        return {"captioning": self._loss(step.fake.images[-1], step.prompt)}

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        """The hinge loss, and how badly the captions of real images are read."""
        hinge = ExampleLoss.discriminator(ExampleLoss(SPEC), step)
        return {**hinge, "captioning": self._loss(step.real[-1], step.prompt)}

    def _loss(self, images: Tensor, prompt: Prompt) -> Tensor:
        assert prompt.tokens is not None
        return F.cross_entropy(self.words(images.mean(dim=(2, 3))), prompt.tokens[:, 0])


class ContrastiveLoss:
    """Matches the vectors of embedding discriminators with sentences, as XMC-GAN does."""

    def __init__(self, spec: LossSpec) -> None: ...

    def generator(self, step: AdversarialStep) -> dict[str, Tensor]:
        """One term per image size."""
        return self._terms(step, step.fake.images)

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        """One term per image size, for real images."""
        return self._terms(step, step.real)

    def _terms(self, step: AdversarialStep, images: tuple[Tensor, ...]) -> dict[str, Tensor]:
        labels = torch.arange(len(step.prompt.sentence))
        terms = {}
        for network, image in zip(step.discriminators, images, strict=True):
            assert isinstance(network, Embeds)
            scores = network.embed(network.features(image)).image @ step.prompt.sentence.T
            terms[f"contrastive {image.shape[-1]}"] = F.cross_entropy(scores.float(), labels)
        return terms


class BoxDataset(ExampleDataset):
    """Every image has a box and key points, which are flipped with it."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self.extras = {**BOX, "keypoints": (2, 3)}

    def sample(self, index: int, *, seed: int) -> Sample:
        """The image with its box, flipped or not as the seed decides."""
        sample = super().sample(index, seed=seed)
        left, width = 0.1 + 0.05 * (index % 4), 0.5
        points = torch.tensor([[left, 0.2, 1.0], [left + width, 0.7, 0.0]])
        flipped = Random(f"flip {seed}").random() < 0.5
        if flipped:
            left = 1 - left - width
            points[:, 0] = 1 - points[:, 0]
        image = sample.image.flip(2) if flipped else sample.image
        box = torch.tensor([left, 0.2, width, 0.5])
        return replace(sample, image=image, extras={"box": box, "keypoints": points})


SPEC = LossSpec(words=6, vocabulary_size=20, image_sizes=(16, 32), condition=3)
PARTS: dict[str, type] = {
    "discriminator/one-way": OneWayDiscriminator,
    "discriminator/patches": PatchDiscriminator,
    "discriminator/box": BoxDiscriminator,
    "generator/box": BoxGenerator,
    "loss/penalty": MatchingPenalty,
    "loss/lazy": LazyPenalty,
    "loss/captioning": CaptioningLoss,
    "loss/contrastive": ContrastiveLoss,
    "dataset/box": BoxDataset,
}


def field_plugin() -> PluginCatalogue:
    """A catalogue of these components, and nothing that is installed."""
    module = ModuleType("broken.quiet_plugin")  # a real module that can be imported quickly

    @hookimpl
    def attnforge_components() -> list[Component]:
        return [
            Component(
                *name.split("/"), f"{part.__module__}:{part.__qualname__}", "a part with a trait of the field"
            )
            for name, part in PARTS.items()
        ]

    vars(module)["attnforge_components"] = attnforge_components
    return load_plugins(extra=[("field", module)], installed=False)
