"""The sampler of PPGN: from the code of an image to codes whose images a scorer prefers."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Build, GeneratorOutput, Prompt, Scorer
from attnforge.ranges import Count, Weight
from attnforge.sampling.matching import MatchingScorer
from attnforge.sampling.seeded_draws import SeededDraws
from attnforge.specs import SamplerSpec

from .code import CodedGenerator
from .update import UpdateRule

DENOISER = "denoiser"
"""The name of the network in checkpoints."""
MAX_SEED = 2**62
Bound = Annotated[float, Field(ge=-1e6, le=1e6)]
StepLength = Annotated[float, Field(ge=0, le=1e6)]


class PlugAndPlaySampler:
    """Improves an image step by step: moves its noise and condition to where a scorer prefers the image.

    h <- clip(h + step_i / mean|d| * d), d = e1 (R(h) - h) + e2 dS/dh + N(0, e3): plug-and-play generative
    networks (PPGN; Nguyen et al., 2017). The code h is the noise and the sentence that the generator gets, S
    the score of its image, and R the network that the task `denoiser` has trained. The first image is that of
    plain noise. A code whose direction is zero, or not finite, stays where it is.

    Args:
        scorer: Scores the images; its gradient is followed.
        steps: Number of updates; the official programs make 200.
        step_size: Mean absolute change of a code by the first update.
        final_step_size: What it changes to linearly; the update after the last would have this size.
        condition_weight: Factor of the score's gradient, e2.
        prior_weight: Factor of the prior, e1; above 0, a run of the task `denoiser` is needed.
        noise: Standard deviation of the noise that every update adds, e3.
        moved: What is moved: `noise`, `condition`, or `both`.
        minimum: Codes are clipped to no less; official codes to 0.
        maximum: Codes are clipped to no more; official codes to 30.
        every: Updates from one image that is shown to the next; 0 shows the result alone.

    Raises:
        RecipeError: The minimum is not below the maximum, the run has no denoiser, or the score has no
            gradient.
    """

    def __init__(
        self,
        spec: SamplerSpec,
        *,
        scorer: Build[Scorer] = MatchingScorer,
        steps: Annotated[int, Field(ge=0, le=1_000_000)] = 10,
        step_size: StepLength = 0.01,
        final_step_size: StepLength = 0.0,
        condition_weight: Weight = 1.0,
        prior_weight: Weight = 0.0,
        noise: Weight = 0.0,
        moved: Literal["noise", "condition", "both"] = "both",
        minimum: Bound | None = None,
        maximum: Bound | None = None,
        every: Count = 2,
    ) -> None:
        if minimum is not None and maximum is not None and minimum >= maximum:
            message = f"`minimum` is {minimum:g} and `maximum` {maximum:g}, so no code lies between them"
            raise RecipeError(Problem("empty-range", message, expected="a minimum below the maximum"))
        scoring = spec.scoring()
        self.scorer: Scorer = scorer(scoring)
        self.generator = CodedGenerator(spec.generator, words=scoring.words)
        self.rule = UpdateRule(
            steps=steps,
            step_size=step_size,
            final_step_size=final_step_size,
            prior_weight=prior_weight,
            condition_weight=condition_weight,
            noise=noise,
            minimum=minimum,
            maximum=maximum,
        )
        split = spec.generator.noise
        self.columns = {"noise": slice(0, split), "condition": slice(split, None), "both": slice(None)}[moved]
        self.every = every
        self.denoiser = _denoiser(spec) if prior_weight > 0 else None

    @torch.no_grad()
    def __call__(self, prompt: Prompt, /, *, return_attention: bool = False) -> GeneratorOutput:
        """The image of each row of the prompt after the last update, and those on the way to it."""
        images, device = len(prompt.sentence), prompt.sentence.device
        noise = torch.randn(images, self.generator.generator.noise, device="cpu")
        # the generator's own random numbers stay the same in every step, or its images would jump
        seeds = torch.randint(MAX_SEED, (images,), device="cpu").tolist()
        code = self.generator.code(noise.to(device), prompt)
        shown: dict[int, Tensor] = {}
        stuck = torch.zeros(images, dtype=torch.bool, device=device)
        for update in range(self.rule.steps):
            direction, image = self._direction(code, prompt, seeds)
            if self.every and update % self.every == 0:
                shown[update] = image
            stuck |= ~direction.isfinite().all(dim=1)
            moved = self.rule.moved(code[:, self.columns], direction, update=update)
            code = code.clone()
            code[:, self.columns] = moved
        with SeededDraws(0, rows=seeds):
            output = self.generator(code, prompt, return_attention=return_attention)
        if stuck.any():
            warnings.warn(
                f"the search stopped for {int(stuck.sum())} of {images} images, whose scores have gradients "
                "that are not finite",
                stacklevel=2,
            )
        return replace(output, steps={**shown, self.rule.steps: output.images[-1]} if self.every else {})

    def _direction(
        self, code: Float[Tensor, "b k"], prompt: Prompt, seeds: list[int]
    ) -> tuple[Float[Tensor, "b c"], Float[Tensor, "b 3 h w"]]:
        """The direction of the columns that are moved, and the images of the codes."""
        with torch.enable_grad():
            leaf = code.detach().requires_grad_()
            with SeededDraws(0, rows=seeds):
                image = self.generator(leaf, prompt).images[-1]
            score = self.scorer(image, prompt)
            if not score.requires_grad:
                message = f"the scorer {type(self.scorer).__name__} has no gradient to follow"
                expected = "a scorer that is differentiable, such as `damsm`"
                raise RecipeError(Problem("no-score-gradient", message, expected=expected))
            (gradient,) = torch.autograd.grad(score.sum(), leaf)
        prior = None
        if self.denoiser is not None:
            prior = self.denoiser.eval()(image.detach()).image.to(code.dtype) - code
        noise = None
        if self.rule.noise > 0:
            noise = torch.randn(code.shape, device="cpu").to(code)
        return self.rule.direction(
            prior=None if prior is None else prior[:, self.columns],
            condition=gradient[:, self.columns],
            noise=None if noise is None else noise[:, self.columns],
        ), image.detach()


def _denoiser(spec: SamplerSpec) -> nn.Module:
    network = spec.network(DENOISER)
    if network is None:
        message = "`prior_weight` is above 0, and the run has no denoiser that would be the prior"
        expected = "a run of a recipe with the task `denoiser`, or `sampling.prior_weight=0`"
        step = "attnforge train denoiser-sketch-birds 'pretrained={encoders: RUN, generator: RUN}'"
        raise RecipeError(Problem("no-denoiser", message, expected=expected, next_step=step))
    return network
