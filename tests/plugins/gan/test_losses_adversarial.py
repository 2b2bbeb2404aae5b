"""Adversarial losses, with a discriminator whose logits are known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from attnforge_gan.losses import BinaryCrossEntropyLoss, HingeLoss
from hypothesis import given
from hypothesis import strategies as st
from known_judges import cross_entropy, hinge, scene
from known_steps import SPEC
from torch import Tensor

from attnforge.adversarial.loss import AdversarialLoss
from attnforge.adversarial.negatives import mismatched_pairs
from attnforge.errors import RecipeError
from attnforge.interfaces import Discriminator

ONE_WAY = replace(SPEC, unconditional=False)
ids = st.lists(st.integers(0, 3), min_size=1, max_size=8).map(torch.tensor)


@pytest.mark.parametrize(("loss", "cost"), [(BinaryCrossEntropyLoss, cross_entropy), (HingeLoss, hinge)])
def test_the_discriminators_loss_of_real_fake_and_mismatched_pairs(
    loss: type[AdversarialLoss], cost: Callable[..., float]
) -> None:
    step, _, _ = scene(real=[0.6, 0.2], fake=[-0.3, 0.5], sentences=[1.5, -2.0])
    (term,) = loss(SPEC, weight=3).discriminator(step).values()
    right = (
        (cost(0.6, real=True) + cost(0.2, real=True)) / 2,
        (cost(0.6 * 1.5, real=True) + cost(0.2 * -2, real=True)) / 2,
    )
    false = (
        (cost(-0.3, real=False) + cost(0.5, real=False)) / 2,
        (cost(-0.3 * 1.5, real=False) + cost(0.5 * -2, real=False)) / 2,
        cost(0.6 * -2.0, real=False),  # image 0 with sentence 1, the only wrong pair
    )
    assert term.item() == pytest.approx(3 * (sum(right) / 2 + sum(false) / 3), rel=1e-5)


def test_the_generators_loss_of_its_images() -> None:
    step, _, _ = scene(real=[0.6, 0.2], fake=[-0.3, 0.5], sentences=[1.5, -2.0])
    (entropy,) = BinaryCrossEntropyLoss(SPEC, weight=2).generator(step).values()
    logits = ((-0.3, 0.5), (-0.3 * 1.5, 0.5 * -2))
    expected = sum(cross_entropy(one, real=True) for pair in logits for one in pair) / 2
    assert entropy.item() == pytest.approx(2 * expected, rel=1e-5)
    (mean,) = HingeLoss(SPEC).generator(step).values()
    assert mean.item() == pytest.approx(-sum(one for pair in logits for one in pair) / 2, rel=1e-5)


def test_without_the_unconditional_head_only_pairs_are_classified() -> None:
    step, _, _ = scene(real=[0.6, 0.2], fake=[-0.3, 0.5], sentences=[1.5, -2.0])
    loss = BinaryCrossEntropyLoss(SPEC, unconditional=False, mismatch="none")
    (judged,) = loss.discriminator(step).values()
    right = (cross_entropy(0.9, real=True) + cross_entropy(-0.4, real=True)) / 2
    false = (cross_entropy(-0.45, real=False) + cross_entropy(-1.0, real=False)) / 2
    assert judged.item() == pytest.approx(right + false, rel=1e-5)
    (drawn,) = loss.generator(step).values()
    assert drawn.item() == pytest.approx(
        (cross_entropy(-0.45, real=True) + cross_entropy(-1.0, real=True)) / 2, rel=1e-5
    )


@pytest.mark.parametrize("loss", [BinaryCrossEntropyLoss, HingeLoss])
def test_one_way_discriminators_are_never_asked_about_images_alone(loss: type[AdversarialLoss]) -> None:
    step, judges, _ = scene([0.5, -0.25], [0.1, 0.2], [1.0, -1.0], unconditional=False)
    for made in (loss(ONE_WAY), loss(ONE_WAY, unconditional=False)):
        assert not made.unconditional
        asked = len(judges[0].pairs)
        assert made.discriminator(step).keys() == made.generator(step).keys() == {"adversarial 8"}
        assert len(judges[0].pairs) == asked + 4  # real, fake and mismatched; fake again for the generator
    assert loss(SPEC).unconditional


@pytest.mark.parametrize("loss", [BinaryCrossEntropyLoss, HingeLoss])
def test_a_term_that_a_one_way_discriminator_lacks_is_refused(loss: type[AdversarialLoss]) -> None:
    with pytest.raises(RecipeError) as caught:
        loss(ONE_WAY, unconditional=True)
    assert [problem.code for problem in caught.value.problems] == ["no-unconditional-head"]


@pytest.mark.parametrize("loss", [BinaryCrossEntropyLoss(SPEC), HingeLoss(SPEC)])
def test_every_size_has_its_own_term_and_every_image_is_looked_at_once(loss: AdversarialLoss) -> None:
    step, judges, _ = scene([0.1, 0.2], [0.3, 0.4], [1.0, 1.0], sizes=(4, 8, 16))
    names = ["adversarial 4", "adversarial 8", "adversarial 16"]
    assert list(loss.discriminator(step)) == names
    assert [len(judge.seen) for judge in judges] == [2, 2, 2]
    assert list(loss.generator(step)) == names
    assert [judge.seen[-1].shape[-1] for judge in judges] == [4, 8, 16]


@pytest.mark.parametrize("loss", [BinaryCrossEntropyLoss(SPEC), HingeLoss(SPEC)])
def test_only_the_generator_term_reaches_the_generated_images(loss: AdversarialLoss) -> None:
    step, judges, (drawn,) = scene([0.1, 0.2], [0.3, 0.4], [1.0, 1.0])
    (judged,) = loss.discriminator(step).values()
    assert not judged.requires_grad
    assert isinstance(judges[0], Discriminator)
    (term,) = loss.generator(step).values()
    (gradient,) = torch.autograd.grad(term, drawn)
    assert (gradient < 0).all()  # larger logits are better for it


def test_a_batch_of_one_has_no_mismatched_pair() -> None:
    step, judges, _ = scene(real=[0.6], fake=[-0.3], sentences=[1.5])
    for mismatch in ("roll", "other-class"):
        (term,) = BinaryCrossEntropyLoss(SPEC, mismatch=mismatch).discriminator(step).values()
        expected = (
            cross_entropy(0.6, real=True)
            + cross_entropy(0.9, real=True)
            + cross_entropy(-0.3, real=False)
            + cross_entropy(-0.45, real=False)
        ) / 2
        assert term.item() == pytest.approx(expected, rel=1e-5)
    assert len(judges[0].pairs) == 4


def test_mismatched_pairs_of_another_class_reach_the_discriminator() -> None:
    step, judges, _ = scene([1.0, 2.0, 3.0], [0.0] * 3, [10.0, 20.0, 30.0], class_ids=[7, 7, 8])
    HingeLoss(SPEC, mismatch="other-class").discriminator(step)
    images, sentences = judges[0].pairs[-1]
    assert list(zip(images.tolist(), sentences.tolist(), strict=True)) == [(1, 30), (2, 30), (3, 10)]


@given(ids)
def test_roll_pairs_neighbours(class_ids: Tensor) -> None:
    images, captions = mismatched_pairs(class_ids, "roll")
    assert images.tolist() == list(range(len(class_ids) - 1))
    assert captions.tolist() == list(range(1, len(class_ids)))


@given(ids)
def test_other_class_never_pairs_a_class_with_itself_and_skips_no_image_with_another_class(
    class_ids: Tensor,
) -> None:
    images, captions = mismatched_pairs(class_ids, "other-class")
    assert (class_ids[images] != class_ids[captions]).all()
    several = len(set(class_ids.tolist())) > 1
    assert images.tolist() == (list(range(len(class_ids))) if several else [])
    for image, caption in zip(images.tolist(), captions.tolist(), strict=True):
        between = [(image + step) % len(class_ids) for step in range(1, (caption - image) % len(class_ids))]
        assert all(class_ids[one] == class_ids[image] for one in between)


@given(ids)
def test_circular_pairs_each_image_with_the_caption_before_it(class_ids: Tensor) -> None:
    images, captions = mismatched_pairs(class_ids, "circular")
    count = len(class_ids)
    if count == 1:
        assert len(images) == len(captions) == 0
        return
    assert sorted(images.tolist()) == list(range(count))
    assert captions.tolist() == [(image - 1) % count for image in images.tolist()]


def test_circular_is_the_pairing_of_the_official_df_gan() -> None:
    """It takes the features of all images but the first, then the first, with all sentences in order."""
    features, sentences = torch.arange(4) * 10, torch.arange(4)
    images, captions = mismatched_pairs(torch.zeros(4, dtype=torch.long), "circular")
    assert features[images].tolist() == torch.cat((features[1:], features[0:1])).tolist()
    assert sentences[captions].tolist() == sentences.tolist()


def test_none_gives_no_pair() -> None:
    images, captions = mismatched_pairs(torch.arange(4), "none")
    assert len(images) == len(captions) == 0
