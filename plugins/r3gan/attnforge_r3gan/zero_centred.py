"""Zero-centred gradient penalties: R1 at real images, R2 at generated ones."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from attnforge.adversarial.precision import at_least_float32, without_autocast
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import AdversarialStep, Condition, Discriminator, Progress, Prompt
from attnforge.optional import AugmentsAlike
from attnforge.ranges import Positive
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec
from attnforge_r3gan.logits import has_unconditional, logits_of

Penalised = Literal["real", "generated", "both"]
Method = Literal["exact", "finite-difference"]


class ZeroCentredPenalty:
    """Penalises the slope of the discriminators where the images are.

        R1 = weight / 2 * mean |grad_x D(x, s)|^2 at real x (Mescheder et al., 2018)
        R2 = weight / 2 * mean |grad_x D(x, s)|^2 at generated x

    The squares are summed over the pixels of an image and averaged over the batch; of several logits of an
    image, the gradient of their mean is taken, and where discriminators have an unconditional logit, the
    penalty is the mean over that and the conditional one. R3GAN (Huang et al., 2024) has both; its gamma,
    here `weight`, decreases during training.

    A penalty needs discriminators whose logit depends on one image alone: batch normalisation in training
    mode is refused, because the gradients of other rows of the batch would be penalised too.

    Args:
        at: Where: at `real` images (R1), `generated` ones (R2), or `both`.
        weight: Gamma: one number, or one for each image size, smallest first; each may follow a schedule. It
            grows with the number of pixels: R3GAN ends at 0.1 to 0.2 for 64 x 64 and at 15 for 256 x 256
            pixels, a tenth of what it begins with.
        method: `exact` differentiates twice. `finite-difference` estimates the square of the gradient without
            bias to first order by ((D(x + s e) - D(x)) / s)^2, with e drawn from N(0, 1) for every pixel; it
            needs no second derivative, and is computed without autocast, whose rounding it would measure.
        distance: s of `finite-difference`.
        every: Computed in every n-th step only, with n times the weight, so that its mean is the same.
        unconditional: Also penalise logits without captions; without a value, as the discriminators can.

    Raises:
        RecipeError: There is not one weight for each image size, `unconditional` is true and
            discriminators have no such logit, or, in the first step, one normalises over the batch.
    """

    renamed_options: ClassVar[Mapping[str, str]] = {"anneal": "weight: {schedule: cosine, from: 1, to: 0.1}"}

    def __init__(
        self,
        spec: LossSpec,
        *,
        at: Penalised = "both",
        weight: ScheduledWeight | tuple[ScheduledWeight, ...] = 1.0,
        method: Method = "exact",
        distance: Annotated[float, Field(gt=0, le=1)] = 0.01,
        every: Positive = 1,
        unconditional: bool | None = None,
    ) -> None:
        sizes = spec.image_sizes
        self.at: Penalised = at
        self.weights = weight if isinstance(weight, tuple) else (weight,) * len(sizes)
        if len(self.weights) != len(sizes):
            message = f"`weight` lists {len(self.weights)} numbers, and the generator has {len(sizes)} sizes"
            expected = f"one number, or {len(sizes)} of them, for {', '.join(map(str, sizes))} pixels"
            raise RecipeError(Problem("penalty-weights", message, expected=expected))
        self.method: Method = method
        self.distance = distance
        self.every = every
        self.unconditional = has_unconditional(spec, unconditional)

    def variant(self, progress: Progress) -> Hashable:
        """Whether this step has a penalty."""
        return self._is_due(progress)

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """Nothing: only discriminators are penalised."""
        return {}

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """One or two terms per image size in every n-th step; none reaches the generator.

        Raises:
            RecipeError: A discriminator normalises over the batch.
        """
        for network in step.discriminators:
            refuse_batch_statistics(network)
        if not self._is_due(step.progress):
            return {}
        terms = {}
        for network, weight, real, fake in zip(
            step.discriminators, self.weights, step.real, step.fake.images, strict=True
        ):
            gamma = self.every * step.value(weight) / 2
            if self.at != "generated":
                terms[f"R1 {real.shape[-1]}"] = gamma * self._penalty(network, real, step.prompt)
            if self.at != "real":
                terms[f"R2 {fake.shape[-1]}"] = gamma * self._penalty(network, fake, step.prompt)
        return terms

    def _is_due(self, progress: Progress) -> bool:
        """Whether it is an n-th step, as steps are logged."""
        return (progress.step + 1) % self.every == 0

    def _penalty(
        self, network: Discriminator, images: Float[Tensor, "b 3 h w"], prompt: Prompt
    ) -> Float[Tensor, ""]:
        if self.method == "exact":
            # torch.compile cannot differentiate twice
            exact = torch.compiler.disable(squared_slopes)  # type: ignore[no-untyped-call]
            slopes: Tensor = exact(network, images, prompt, unconditional=self.unconditional)
        else:
            slopes = estimated_slopes(
                network, images, prompt, unconditional=self.unconditional, distance=self.distance
            )
        return slopes.mean()


def squared_slopes(
    network: Discriminator, images: Float[Tensor, "b 3 h w"], prompt: Prompt, *, unconditional: bool
) -> Float[Tensor, "heads b"]:
    """The squared norm of the gradient of each logit, with and without captions, for each image.

    Args:
        network: Its logits are differentiated twice.
        images: Where.
        prompt: Their captions.
        unconditional: Whether there is a second row, of logits without captions.
    """
    points = images.detach().requires_grad_()
    slopes = []
    for logits in logits_of(network, network.features(points), prompt, unconditional=unconditional):
        (gradient,) = torch.autograd.grad(_mean_logits(logits).sum(), points, create_graph=True)
        slopes.append(at_least_float32(gradient).square().sum(dim=(1, 2, 3)))
    return torch.stack(slopes)


def estimated_slopes(
    network: Discriminator,
    images: Float[Tensor, "b 3 h w"],
    prompt: Prompt,
    *,
    unconditional: bool,
    distance: float,
) -> Float[Tensor, "heads b"]:
    """Estimates of `squared_slopes` from logits at a small random distance, differentiable once.

    Args:
        network: Its logits are compared.
        images: Where.
        prompt: Their captions.
        unconditional: Whether there is a second row, of logits without captions.
        distance: The standard deviation s of the noise that is added to every pixel.
    """
    with without_autocast(images.device):
        here = at_least_float32(images.detach())
        near = here + distance * torch.randn_like(here)
        prompt = _at_least_float32(prompt)
        if isinstance(network, AugmentsAlike):
            features_here, features_near = network.features_alike(here, near)
        else:
            features_here, features_near = network.features(here), network.features(near)
        pairs = zip(
            logits_of(network, features_here, prompt, unconditional=unconditional),
            logits_of(network, features_near, prompt, unconditional=unconditional),
            strict=True,
        )
        return torch.stack([((_mean_logits(b) - _mean_logits(a)) / distance).square() for a, b in pairs])


def _at_least_float32(prompt: Prompt) -> Prompt:
    """The prompt as networks outside autocast take it."""
    words, sentence = at_least_float32(prompt.words), at_least_float32(prompt.sentence)
    condition = prompt.condition
    if condition is not None:
        condition = Condition(
            at_least_float32(condition.value),
            at_least_float32(condition.mean),
            at_least_float32(condition.logvar),
        )
    return replace(prompt, words=words, sentence=sentence, condition=condition)


def refuse_batch_statistics(network: Discriminator) -> None:
    """Refuse a discriminator whose logits depend on the rest of the batch.

    Raises:
        RecipeError: It has batch normalisation that normalises with the statistics of the batch.
    """
    if not isinstance(network, nn.Module):
        return
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm) and (module.training or module.running_mean is None):
            message = (
                f"the discriminator's `{name}` normalises over the batch, so a gradient penalty would also "
                "penalise what other images of the batch do to a logit"
            )
            expected = "`norm: spectral`, or a discriminator without batch normalisation"
            raise RecipeError(Problem("batch-statistics", message, expected=expected))


def _mean_logits(logits: Float[Tensor, "b *_"]) -> Float[Tensor, "b"]:
    """The mean of all logits of an image, such as those of its patches."""
    return logits.flatten(1).mean(dim=1) if logits.ndim > 1 else logits
