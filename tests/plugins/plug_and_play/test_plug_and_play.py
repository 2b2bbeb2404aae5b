"""The search in runs: what is shown, what it depends on, what is refused; and the denoiser's training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from attnforge_plug_and_play.captioning import CaptionScorer
from attnforge_plug_and_play.sampler import PlugAndPlaySampler
from attnforge_plug_and_play.update import UpdateRule
from known_steps import prompt_of
from tiny_run import TINY, shared_tiny
from torch import Tensor

from attnforge.api.model import load
from attnforge.cli import run as attnforge
from attnforge.errors import AttnforgeError, RecipeError
from attnforge.interfaces import GeneratorOutput, Prompt
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.sampling.noise import NoiseSampler
from attnforge.sampling.seeded_draws import SeededDraws
from attnforge.specs import SamplerSpec, ScorerSpec
from attnforge.train.progress import SilentReporter

USE = "sampling.use=plug-and-play"
CAPTION = "a small red bird"


class Mirror:
    """Images of three pixels: the first values of the code, and noise that the generator draws itself."""

    noise = 2
    image_sizes = (1,)

    def __call__(self, noise: Tensor, prompt: Prompt, *, return_attention: bool = False) -> GeneratorOutput:
        own = torch.rand(len(noise), 1)
        pixels = torch.cat((noise[:, :1], prompt.sentence[:, :1], own), dim=1)
        return GeneratorOutput(images=(pixels[..., None, None],), attention=())


class Sum:
    """The sum of the pixels, times a factor."""

    def __init__(self, spec: ScorerSpec, *, factor: float = 1.0) -> None:
        self.factor = factor

    def __call__(self, images: Tensor, prompt: Prompt) -> Tensor:
        return self.factor * images.sum(dim=(1, 2, 3))


def sampler(scorer: Callable[..., Any] = Sum, **options: Any) -> PlugAndPlaySampler:
    spec = SamplerSpec(generator=Mirror(), scoring=lambda: ScorerSpec(words=4))
    return PlugAndPlaySampler(spec, scorer=scorer, **options)


def sampled(sampler: PlugAndPlaySampler, *, seeds: tuple[int, ...] = (1, 2, 3)) -> GeneratorOutput:
    with SeededDraws(0, rows=seeds):
        return sampler(prompt_of(torch.zeros(len(seeds), 4)))


def code_of(error: pytest.ExceptionInfo[AttnforgeError]) -> str:
    return error.value.problems[0].code


def test_the_first_image_is_that_of_plain_noise_and_the_last_scores_higher() -> None:
    output = sampled(sampler(steps=6, step_size=0.1, final_step_size=0.1, every=4))
    assert list(output.steps) == [0, 4, 6]
    spec = SamplerSpec(generator=Mirror(), scoring=lambda: ScorerSpec(words=4))
    with SeededDraws(0, rows=(1, 2, 3)):
        plain = NoiseSampler(spec)(prompt_of(torch.zeros(3, 4))).images[-1]
    assert torch.equal(output.steps[0][:, :2], plain[:, :2])
    # the gradient is 1 for two of six numbers, so these move by six halves of the mean
    torch.testing.assert_close(output.images[-1][:, :2], plain[:, :2] + 6 * 0.1 * 3)
    assert torch.equal(output.steps[6], output.images[-1])


def test_random_numbers_of_the_generator_stay_the_same_in_every_step() -> None:
    steps = sampled(sampler(steps=3, every=1)).steps
    assert all(torch.equal(step[:, 2], steps[0][:, 2]) for step in steps.values())
    assert len(set(steps[0][:, 2].flatten().tolist())) == 3


@pytest.mark.parametrize("moved", ["noise", "condition"])
def test_a_part_of_the_code_is_moved_alone(moved: str) -> None:
    steps = sampled(sampler(steps=1, moved=moved, every=1)).steps
    changed = [bool((steps[1] != steps[0])[:, column].all()) for column in (0, 1)]
    assert changed == [moved == "noise", moved == "condition"]


def test_an_image_does_not_depend_on_the_others_of_its_batch_nor_on_what_is_shown() -> None:
    search = sampler(steps=3, noise=0.1)
    together = sampled(search).images[-1]
    assert torch.equal(together, sampled(search).images[-1])
    for row, seed in enumerate((1, 2, 3)):
        assert torch.equal(sampled(search, seeds=(seed,)).images[-1], together[row : row + 1])
    assert torch.equal(sampled(sampler(steps=3, noise=0.1, every=0)).images[-1], together)
    assert not torch.equal(sampled(search, seeds=(4, 5, 6)).images[-1], together)


def test_no_steps_are_plain_noise() -> None:
    assert torch.equal(sampled(sampler(steps=0)).images[-1], sampled(sampler(steps=2)).steps[0])


@pytest.mark.parametrize(("factor", "warns"), [(0.0, False), (float("nan"), True), (float("inf"), True)])
def test_a_code_without_a_direction_stays_where_it_is(
    factor: float, warns: bool, recwarn: pytest.WarningsRecorder
) -> None:
    output = sampled(sampler(partial(Sum, factor=factor), steps=2, every=1))
    assert torch.equal(output.images[-1], output.steps[0])
    assert [str(warning.message)[:39] for warning in recwarn] == (
        ["the search stopped for 3 of 3 images, wh"[:39]] if warns else []
    )


def test_one_code_that_is_stuck_does_not_hold_the_others() -> None:
    rule = UpdateRule(
        steps=1, step_size=2.0, final_step_size=2.0, prior_weight=0, condition_weight=1, noise=0, maximum=9.0
    )
    code = torch.tensor([[1.0, 1.0], [1.0, 1.0], [1.0, 8.0]])
    direction = torch.tensor([[float("nan"), 1.0], [0.0, 0.0], [-1.0, 3.0]])
    moved = rule.moved(code, direction, update=0)
    assert moved.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.0, 9.0]]


def test_a_caption_scores_the_log_probabilities_of_its_words_without_padding() -> None:
    def captioner(images: Tensor, tokens: Tensor) -> Tensor:
        return images.mean(dim=(1, 2, 3))[:, None] * tokens

    prompt = Prompt(
        torch.zeros(2, 4, 3),
        torch.zeros(2, 4),
        torch.tensor([[False, False, False], [False, True, True]]),
        tokens=torch.tensor([[1, 2, 3], [4, 7, 7]]),
    )
    images = torch.ones(2, 3, 2, 2, requires_grad=True)
    scores = CaptionScorer(captioner)(images, prompt)
    assert scores.tolist() == [6.0, 4.0]
    assert sampler(lambda spec: CaptionScorer(captioner)).scorer is not None
    with pytest.raises(AttnforgeError) as error:
        CaptionScorer(captioner)(images, prompt_of(torch.zeros(2, 4)))
    assert code_of(error) == "prompt-without-tokens"


def test_a_score_without_a_gradient_is_refused() -> None:
    def deaf(images: Tensor, prompt: Prompt) -> Tensor:
        return images.detach().mean(dim=(1, 2, 3))

    with pytest.raises(RecipeError) as error:
        sampled(sampler(lambda spec: deaf))
    assert code_of(error) == "no-score-gradient"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_tiny(tmp_path_factory.getbasetemp(), "tiny")


def test_the_command_shows_the_images_on_the_way(trained: Path, tmp_path: Path) -> None:
    arguments = ["sample", str(trained), CAPTION, USE, "sampling.steps=3", "sampling.every=1", "-n", "1"]
    assert attnforge([*arguments, "--out", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-small-red-bird-seed1-0.png", "sheet.png"]
    (plain,) = load(trained)(CAPTION)
    (image,) = load(trained, overrides=[USE, "sampling.every=8", "sampling.steps=9"])(CAPTION)
    assert list(image.steps) == [0, 8, 9]
    assert (image.steps[0] == plain.images[-1]).all()
    assert (image.steps[9] == image.images[-1]).all()
    assert (image.images[-1] != plain.images[-1]).any()


@pytest.mark.parametrize(
    ("override", "code", "text"),
    [
        ("sampling.steps=-1", "bad-value", "sampling.steps"),
        ("sampling.step_size=-0.1", "bad-value", "sampling.step_size"),
        ("sampling.moved=words", "bad-value", "condition"),
        ("sampling.scorer=nobody", "unknown-component", "damsm"),
        ("sampling.prior_weight=0.1", "no-denoiser", "attnforge train denoiser-sketch-birds"),
        ("sampling={use: plug-and-play, minimum: 2, maximum: 1}", "empty-range", "below"),
        ("generator.noise=3", "bad-override", "trained with it"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_is_written(
    override: str, code: str, text: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert attnforge(["sample", str(trained), CAPTION, USE, override, "--out", str(out)]) == 1
    message = capsys.readouterr().err
    assert code in message, message
    assert text in message
    assert "Traceback" not in message
    assert not out.exists()


def test_a_run_without_an_image_encoder_needs_another_scorer() -> None:
    spec = SamplerSpec(generator=Mirror(), scoring=lambda: ScorerSpec(words=4))
    with pytest.raises(RecipeError) as error:
        PlugAndPlaySampler(spec)
    (problem,) = error.value.problems
    assert (problem.code, problem.next_step) == ("no-image-encoder", "attnforge components scorer")


def test_a_denoiser_needs_the_generator_of_a_trained_run(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    phase = "{task: {use: denoiser, encoder: timm}, steps: 2}"
    recipe.write_text(f"extends: quickstart\nphases: {{denoiser: {phase}}}\n")
    with pytest.raises(RecipeError) as error:
        resolve(recipe)
    assert code_of(error) == "untrained-generator"
    assert "pretrained=" in str(error.value.problems[0].next_step)


SMALL = [override for override in TINY if not override.startswith(("phases", "discriminator"))]
ENCODER = "{use: timm, model_options: {channels: [4, 8, 8, 8], layers: [1, 1, 1, 1], stem_width: 8}}"


def test_a_denoiser_is_trained_on_top_of_a_run_and_is_the_prior_of_a_search(
    trained: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    overrides = [
        *SMALL,
        f"pretrained={{encoders: {trained}, generator: {trained}}}",
        f"phases.denoiser.task.encoder={ENCODER}",
        "phases.denoiser.steps=2",
        "phases.denoiser.batch_size=4",
        "phases.denoiser.log_every=1",
        "phases.denoiser.sample_every=1",
        "sampling={use: plug-and-play, steps: 1, prior_weight: 0.1}",  # the network that is being trained
    ]
    resolved = resolve("denoiser-sketch-birds", overrides=overrides)
    assert train(resolved, run, resume=False, reporter=SilentReporter()).finished
    (plain,) = load(run, overrides=["sampling=null"])(CAPTION)
    assert (plain.images[-1] == load(trained)(CAPTION)[0].images[-1]).all()
    without, small, large = (
        load(run, overrides=[f"sampling.prior_weight={weight}"])(CAPTION)[0].images[-1]
        for weight in (0, 1e-3, 10)
    )
    differences = [np.abs(image.astype(int) - without).sum() for image in (small, large)]
    assert 0 < differences[0] < differences[1]
