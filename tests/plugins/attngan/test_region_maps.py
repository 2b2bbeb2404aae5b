"""The losses and tasks that match words with regions say where each word looks."""

from __future__ import annotations

from math import exp

import pytest
import torch
from attnforge_attngan.losses.damsm import DamsmLoss
from attnforge_attngan.tasks.matching import MatchingTask
from attnforge_gan.losses import BinaryCrossEntropyLoss
from known_steps import SPEC
from small_game import spec

from attnforge.interfaces import ImageFeatures, TextFeatures
from attnforge.optional import RegionMatcher


def features() -> tuple[TextFeatures, ImageFeatures]:
    torch.manual_seed(2)
    text = TextFeatures(
        words=torch.randn(2, 4, 3),
        sentence=torch.randn(2, 4),
        padding=torch.arange(3) >= torch.tensor([[3], [2]]),
    )
    return text, ImageFeatures(regions=torch.randn(2, 4, 2, 3), image=torch.randn(2, 4))


def by_hand(text: TextFeatures, image: ImageFeatures, caption: int, gamma1: float) -> list[list[float]]:
    """Eq. 7-9 of the paper for one caption, number by number."""
    words = text.words[caption].double().tolist()
    regions = image.regions[caption].double().flatten(1).tolist()
    spoken, places, dim = int(text.lengths[caption]), len(regions[0]), len(words)
    scores = [
        [sum(words[d][i] * regions[d][j] for d in range(dim)) for j in range(places)] for i in range(spoken)
    ]
    shares = [
        [exp(scores[i][j]) / sum(exp(scores[k][j]) for k in range(spoken)) for j in range(places)]
        for i in range(spoken)
    ]
    return [
        [exp(gamma1 * one) / sum(exp(gamma1 * other) for other in shares[i]) for one in shares[i]]
        for i in range(spoken)
    ]


@pytest.mark.parametrize("gamma1", [2.0, 9.0])
def test_loss_and_task_attend_as_their_own_gamma1_has_it(gamma1: float) -> None:
    text, image = features()
    for matcher in (DamsmLoss(SPEC, gamma1=gamma1), MatchingTask(spec(), gamma1=gamma1)):
        assert isinstance(matcher, RegionMatcher)
        maps = matcher.region_attention(text, image)
        assert maps.shape == (2, 3, 2, 3)
        for caption, length in enumerate((3, 2)):
            expected = torch.tensor(by_hand(text, image, caption, gamma1))
            torch.testing.assert_close(maps[caption, :length].flatten(1), expected)
        assert (maps[1, 2] == 0).all()


def test_a_loss_that_matches_nothing_is_no_matcher() -> None:
    assert not isinstance(BinaryCrossEntropyLoss(SPEC), RegionMatcher)
