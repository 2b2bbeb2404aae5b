"""The discriminator that compares image and sentence, and its wrong pairs."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from attnforge_gan.conditioning import Sentence
from attnforge_gan.losses import HingeLoss
from attnforge_gan.projection import ProjectionDiscriminator
from known_steps import SPEC, prompt_of, step_of

from attnforge.adversarial.loss import features_of_both
from attnforge.adversarial.negatives import Mismatch, mismatched, mismatched_pairs
from attnforge.errors import RecipeError
from attnforge.interfaces import Conditioner, Discriminator, GeneratorOutput, WholeBatch
from attnforge.optional import ScoresPairs
from attnforge.specs import ConditionerSpec, DiscriminatorSpec


@pytest.mark.parametrize("size", [16, 64])
@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_the_sentence_adds_to_the_image_alone(size: int, norm: str) -> None:
    judge = ProjectionDiscriminator(
        DiscriminatorSpec(image_size=size, sentence=6), channels=4, norm=norm
    ).eval()
    assert isinstance(judge, Discriminator)
    features = judge.features(torch.randn(3, 3, size, size))
    sentence = torch.randn(3, 6)
    alone = judge.logits(features, None)
    torch.testing.assert_close(judge.logits(features, prompt_of(torch.zeros(3, 6))), alone)
    fitting = judge.logits(features, prompt_of(sentence)) - alone
    torch.testing.assert_close(judge.logits(features, prompt_of(-2 * sentence)) - alone, -2 * fitting)
    assert fitting.abs().min() > 0


def test_a_size_that_cannot_be_halved_is_refused() -> None:
    with pytest.raises(RecipeError, match="48 x 48"):
        ProjectionDiscriminator(DiscriminatorSpec(image_size=48, sentence=6))


def test_all_mismatched_pairs_are_those_of_other_classes() -> None:
    images, captions = mismatched_pairs(torch.tensor([7, 8, 7]), "all")
    assert set(zip(images.tolist(), captions.tolist(), strict=True)) == {(0, 1), (1, 0), (1, 2), (2, 1)}


def test_the_sentence_conditions_without_noise() -> None:
    conditioner = Sentence(ConditionerSpec(sentence=5))
    assert isinstance(conditioner, Conditioner)
    assert conditioner.dim == 5
    sentence = torch.randn(2, 5)
    assert torch.equal(conditioner(sentence).value, sentence)


def test_a_normalised_sentence_has_variance_one_whatever_its_length() -> None:
    conditioner = Sentence(ConditionerSpec(sentence=5), normalise=True)
    sentence = torch.randn(3, 5)
    value = conditioner(sentence).value
    torch.testing.assert_close(value.mean(dim=1), torch.zeros(3))
    torch.testing.assert_close(value.var(dim=1, correction=0), torch.ones(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(conditioner(3 * sentence + 1).value, value, atol=1e-3, rtol=0)
    assert torch.equal(conditioner(torch.zeros(1, 5)).value, torch.zeros(1, 5))


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_pairs_score_as_one_by_one(norm: str) -> None:
    """Same logits, and same gradients of every weight, from one projection of each image and sentence."""
    torch.manual_seed(0)
    judge = ProjectionDiscriminator(DiscriminatorSpec(image_size=16, sentence=6), channels=4, norm=norm)
    judge.double().eval()
    features = judge.features(torch.randn(3, 3, 16, 16).double())
    prompt = prompt_of(torch.randn(4, 6).double())
    images, captions = torch.tensor([0, 2, 2, 1, 0]), torch.tensor([3, 0, 2, 3, 3])
    expected = judge.logits(features[images], prompt.rows(captions))
    actual = judge.pair_logits(features, prompt, images=images, captions=captions)
    torch.testing.assert_close(actual, expected)
    weights = list(judge.parameters())
    gradients = [
        torch.autograd.grad(logits.square().sum(), weights, retain_graph=True)
        for logits in (actual, expected)
    ]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("mismatch", ["roll", "circular", "other-class", "all"])
@pytest.mark.parametrize("part", [False, True])
def test_losses_take_the_logits_of_pairs(mismatch: Mismatch, part: bool) -> None:
    """The terms are those of a discriminator without `pair_logits`, in a part of a batch too."""
    torch.manual_seed(0)
    judge = ProjectionDiscriminator(DiscriminatorSpec(image_size=16, sentence=6), channels=4).eval()
    text = prompt_of(torch.randn(3, 6))
    step = step_of(
        real=[torch.randn(3, 3, 16, 16)],
        fake=GeneratorOutput((torch.randn(3, 3, 16, 16),), (), None),
        text=text,
        class_ids=torch.tensor([1, 0, 1]),
        discriminators=[judge],
    )
    if part:
        whole = WholeBatch(
            prompt=prompt_of(torch.cat((torch.randn(2, 6), text.sentence))),
            class_ids=torch.tensor([1, 2, 1, 0, 1]),
            first=2,
        )
        step = replace(step, everyone=whole)
    pair_by_pair = SimpleNamespace(unconditional=True, features=judge.features, logits=judge.logits)
    loss = HingeLoss(SPEC, mismatch=mismatch)
    (ours,) = loss.discriminator(step).values()
    (theirs,) = loss.discriminator(replace(step, discriminators=(pair_by_pair,))).values()
    torch.testing.assert_close(ours, theirs)
    negatives = mismatched(step, mismatch)
    assert negatives is not None
    assert isinstance(judge, ScoresPairs)
    torch.testing.assert_close(negatives.prompt.sentence, negatives.whole.sentence[negatives.captions])


@pytest.mark.parametrize(("norm", "sizes"), [("spectral", [6]), ("batch", [3, 3])])
def test_real_and_generated_images_are_one_batch_only_where_each_is_seen_alone(
    norm: str, sizes: list[int]
) -> None:
    real, fake = torch.randn(2, 3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    judge = ProjectionDiscriminator(DiscriminatorSpec(image_size=16, sentence=6), channels=4, norm=norm)
    judge.eval()  # the power method rests, so that both ways have the same weights
    expected = judge.features(real), judge.features(fake)
    seen: list[int] = []
    judge.trunk.register_forward_pre_hook(lambda _, images: seen.append(len(images[0])))
    for found, right in zip(features_of_both(judge, real, fake), expected, strict=True):
        torch.testing.assert_close(found, right)
    assert seen == sizes
