"""The discriminator that compares image and sentence, and its wrong pairs."""

from __future__ import annotations

import pytest
import torch
from attnforge_gan.conditioning import Sentence
from attnforge_gan.projection import ProjectionDiscriminator
from known_steps import prompt_of

from attnforge.adversarial.negatives import mismatched_pairs
from attnforge.errors import RecipeError
from attnforge.interfaces import Conditioner, Discriminator
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
