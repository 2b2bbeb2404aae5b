"""The loss `damsm` on the images of one stage, or of several with weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from attnforge_attngan.losses.damsm import DamsmLoss
from known_steps import SPEC, step_of
from small_game import DIM, Looker

from attnforge.errors import RecipeError
from attnforge.interfaces import AdversarialStep, GeneratorOutput, TextFeatures


@pytest.fixture
def step() -> AdversarialStep:
    noise = torch.Generator().manual_seed(3)
    images = tuple(torch.rand(3, 3, size, size, generator=noise) * 2 - 1 for size in SPEC.image_sizes)
    torch.manual_seed(5)
    return step_of(
        real=images,
        fake=GeneratorOutput(images=tuple(image.clone().requires_grad_() for image in images), attention=()),
        text=TextFeatures(
            words=torch.randn(3, DIM, 4, generator=noise),
            sentence=torch.randn(3, DIM, generator=noise),
            padding=torch.zeros(3, 4, dtype=torch.bool),
        ),
        class_ids=torch.arange(3),
        discriminators=(),
        image_encoder=Looker().eval(),
    )


def with_images(step: AdversarialStep, images: torch.Tensor) -> AdversarialStep:
    return replace(step, fake=GeneratorOutput(images=(images,), attention=()))


def test_the_last_stage_alone_is_the_default(step: AdversarialStep) -> None:
    terms, last = DamsmLoss(SPEC).generator(step), DamsmLoss(SPEC, stages=(0.0, 1.0)).generator(step)
    assert list(terms) == ["damsm"]
    assert list(last) == ["damsm 32"]
    assert torch.equal(terms["damsm"], last["damsm 32"])


def test_several_stages_add_up_by_their_weights_each_resized_to_the_last(step: AdversarialStep) -> None:
    small = F.interpolate(step.fake.images[0], size=(32, 32), mode="bilinear", align_corners=False)
    of_small = DamsmLoss(SPEC).generator(with_images(step, small))["damsm"]
    of_last = DamsmLoss(SPEC).generator(step)["damsm"]
    terms = DamsmLoss(SPEC, stages=(0.25, 2.0)).generator(step)
    assert list(terms) == ["damsm 16", "damsm 32"]
    torch.testing.assert_close(terms["damsm 16"], 0.25 * of_small)
    torch.testing.assert_close(terms["damsm 32"], 2 * of_last)
    only = DamsmLoss(SPEC, stages=(1.0, 0.0)).generator(step)
    only["damsm 16"].backward()
    assert step.fake.images[0].grad is not None
    assert step.fake.images[1].grad is None


def test_the_share_of_pairs_kept_is_the_mean_of_the_stages(step: AdversarialStep) -> None:
    loss = DamsmLoss(SPEC, stages=(1.0, 1.0), filter=0.5)
    torch.stack(list(loss.generator(step).values())).sum().backward()
    assert 0 < float(loss.observed()["pairs kept"]) < 1
    assert DamsmLoss(SPEC).observed() == {}


def test_encoders_match_real_images_or_generated_ones_without_a_weight(step: AdversarialStep) -> None:
    generated = replace(step, real=tuple(image.flip(0) for image in step.real))
    expected = DamsmLoss(SPEC, weight=1).generator(step)["damsm"]
    of_generated = DamsmLoss(SPEC, encoder_images="generated").encoders(generated)["damsm"]
    assert torch.equal(of_generated, expected)
    assert torch.equal(DamsmLoss(SPEC).encoders(step)["damsm"], expected)
    assert not torch.equal(DamsmLoss(SPEC).encoders(generated)["damsm"], expected)
    of_generated.backward()
    assert step.fake.images[-1].grad is None


def test_fewer_weights_are_those_of_the_last_stages(step: AdversarialStep) -> None:
    both = DamsmLoss(SPEC, weight=1, stages=(0.0, 0.5)).generator(step)
    assert torch.equal(DamsmLoss(SPEC, weight=1, stages=(0.5,)).generator(step)["damsm 32"], both["damsm 32"])


@pytest.mark.parametrize("stages", [(), (0.0,), (1.0, 1.0, 1.0), (0.0, 0.0)])
def test_weights_that_do_not_fit_the_stages_are_refused(stages: tuple[float, ...]) -> None:
    with pytest.raises(RecipeError) as caught:
        DamsmLoss(SPEC, stages=stages)
    (problem,) = caught.value.problems
    assert problem.code == "stage-weights"
    assert "16, 32 pixels" in problem.message
