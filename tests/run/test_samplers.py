"""How a generator is asked for images: plain, truncated and scaled noise, and the best of several."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from known_steps import prompt_of
from torch import Tensor

from attnforge.api.model import load
from attnforge.errors import RecipeError
from attnforge.interfaces import GeneratorOutput, Prompt
from attnforge.sampling.best import BestOf
from attnforge.sampling.noise import NoiseSampler
from attnforge.sampling.pipeline import Pipeline
from attnforge.specs import SamplerSpec, ScorerSpec

PROMPT = prompt_of(torch.zeros(3, 4))


class Echo:
    """A generator whose images are its noise."""

    noise = 6
    image_sizes = (1,)

    def __init__(self) -> None:
        self.asked: list[Tensor] = []

    def __call__(self, noise: Tensor, prompt: Prompt, *, return_attention: bool = False) -> GeneratorOutput:
        self.asked.append(noise)
        return GeneratorOutput(images=(noise[:, :3, None, None],), attention=())


def spec() -> SamplerSpec:
    return SamplerSpec(generator=Echo(), scoring=lambda: ScorerSpec(words=4))


def test_plain_noise_is_that_of_training() -> None:
    torch.manual_seed(3)
    image = NoiseSampler(spec())(PROMPT).images[-1]
    torch.manual_seed(3)
    assert torch.equal(image[..., 0, 0], torch.randn(3, 6)[:, :3])


def test_truncated_noise_is_a_normal_distribution_without_its_tails() -> None:
    torch.manual_seed(0)
    sampler = NoiseSampler(spec(), truncation=1.5)
    values = sampler.noise(20_000).flatten().double()
    assert float(values.abs().max()) <= 1.5
    normal = torch.randn(400_000, dtype=torch.float64)
    expected = normal[normal.abs() <= 1.5]
    assert float(values.std()) == pytest.approx(float(expected.std()), rel=0.01)
    quantiles = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9], dtype=torch.float64)
    torch.testing.assert_close(
        torch.quantile(values, quantiles), torch.quantile(expected, quantiles), atol=0.02, rtol=0
    )


def test_scaled_noise_is_a_multiple() -> None:
    torch.manual_seed(0)
    whole = NoiseSampler(spec(), truncation=2.0)(PROMPT).images[-1]
    torch.manual_seed(0)
    scaled = NoiseSampler(spec(), truncation=2.0, scale=0.5)(PROMPT).images[-1]
    torch.testing.assert_close(scaled, 0.5 * whole)


class First:
    """Scores an image by its first value."""

    def __init__(self, spec: ScorerSpec) -> None:
        assert spec.words == 4

    def __call__(self, images: Tensor, prompt: Prompt) -> Tensor:
        return images[:, 0, 0, 0]


def test_the_best_of_several_is_chosen_for_each_image() -> None:
    of_all = spec()
    torch.manual_seed(1)
    best = BestOf(of_all, scorer=First, images=5)(PROMPT).images[-1]
    assert isinstance(of_all.generator, Echo)
    candidates = torch.stack(of_all.generator.asked)[..., :3]
    assert candidates.shape == (5, 3, 3)
    for row in range(3):
        winner = candidates[:, row, 0].argmax()
        assert torch.equal(best[row, :, 0, 0], candidates[winner, row])
    assert len({int(candidates[:, row, 0].argmax()) for row in range(3)}) > 1


def test_candidates_may_be_sampled_in_another_way() -> None:
    sampler = BestOf(spec(), scorer=First, images=4, sampler=partial(NoiseSampler, truncation=0.1))
    assert float(sampler(PROMPT).images[-1].abs().max()) <= 0.1


def test_a_run_is_sampled_as_the_recipe_or_the_caller_says(trained: Path) -> None:
    caption = "a small red bird"
    plain = load(trained)(caption, n=2)
    still = load(trained, overrides=["sampling={use: noise, scale: 0}"])(caption, n=2)
    assert (plain[0].images[-1] != plain[1].images[-1]).any()
    # conditioning without noise: with none at all, images are the same
    assert (still[0].images[-1] == still[1].images[-1]).all()
    best = load(trained, overrides=["sampling={use: best-of, scorer: damsm, images: 3}"])
    scorer = best.pipeline.parts.scorer_spec()
    assert scorer.image is not None
    chosen = best(caption, n=1)[0]
    assert chosen.images[-1].shape == plain[0].images[-1].shape


def test_an_unknown_sampler_is_named(trained: Path) -> None:
    with pytest.raises(RecipeError, match="noise"):
        Pipeline.load(trained, overrides=["sampling={use: nois}"])
