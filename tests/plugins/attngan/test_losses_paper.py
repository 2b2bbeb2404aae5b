"""The terms of the objective as the paper prints them, against formulas written out here."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt
from typing import Any

import pytest
import torch
from attnforge_attngan.losses.damsm import DamsmLoss
from attnforge_attngan.losses.matching import matching_terms
from attnforge_attngan.losses.options import Reduction, WordScore
from attnforge_attngan.tasks.matching import MatchingTask
from attnforge_gan.divergence import ConditioningLoss
from attnforge_gan.losses import AdversarialLoss, BinaryCrossEntropyLoss, HingeLoss
from known_judges import cross_entropy, hinge, scene
from known_steps import SPEC, step_of
from small_game import at, batch, spec
from torch import Tensor

from attnforge.adversarial.negatives import Mismatch
from attnforge.interfaces import AdversarialStep, Condition, GeneratorOutput, ImageFeatures, TextFeatures

# ---------------------------------------------------------------------------------------------------
# Eq. 4-5: halves

REAL, FAKE, SENTENCES = [0.6, 0.2], [-0.3, 0.5], [1.5, -2.0]
PAIRS = [(image * sentence) for image, sentence in zip(REAL, SENTENCES, strict=True)]
DRAWN_PAIRS = [(image * sentence) for image, sentence in zip(FAKE, SENTENCES, strict=True)]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_equation_5_halves_four_terms_and_has_no_mismatched_sentence() -> None:
    step, _, _ = scene(REAL, FAKE, SENTENCES)
    (term,) = BinaryCrossEntropyLoss(SPEC, balance="paper", mismatch="none").discriminator(step).values()
    unconditional = -0.5 * mean([log(1 / (1 + exp(-x))) for x in REAL]) - 0.5 * mean(
        [log(1 - 1 / (1 + exp(-x))) for x in FAKE]
    )
    conditional = -0.5 * mean([log(1 / (1 + exp(-x))) for x in PAIRS]) - 0.5 * mean(
        [log(1 - 1 / (1 + exp(-x))) for x in DRAWN_PAIRS]
    )
    assert term.item() == pytest.approx(unconditional + conditional, rel=1e-5)


def test_equation_4_halves_both_terms_of_the_generator() -> None:
    step, _, _ = scene(REAL, FAKE, SENTENCES)
    (term,) = BinaryCrossEntropyLoss(SPEC, balance="paper", weight=3).generator(step).values()
    expected = -0.5 * mean([log(1 / (1 + exp(-x))) for x in FAKE]) - 0.5 * mean(
        [log(1 / (1 + exp(-x))) for x in DRAWN_PAIRS]
    )
    assert term.item() == pytest.approx(3 * expected, rel=1e-5)
    (official,) = BinaryCrossEntropyLoss(SPEC, weight=3).generator(step).values()
    assert official.item() == pytest.approx(6 * expected, rel=1e-5)


@pytest.mark.parametrize(("loss", "cost"), [(BinaryCrossEntropyLoss, cross_entropy), (HingeLoss, hinge)])
@pytest.mark.parametrize("unconditional", [True, False])
@pytest.mark.parametrize("mismatch", ["roll", "none"])
def test_halves_go_with_mismatched_sentences_and_without_the_unconditional_head(
    loss: type[AdversarialLoss], cost: Callable[..., float], unconditional: bool, mismatch: Mismatch
) -> None:
    step, _, _ = scene(REAL, FAKE, SENTENCES)
    adversarial = loss(SPEC, balance="paper", unconditional=unconditional, mismatch=mismatch)
    (term,) = adversarial.discriminator(step).values()
    terms = [mean([cost(x, real=True) for x in PAIRS]), mean([cost(x, real=False) for x in DRAWN_PAIRS])]
    if unconditional:
        terms += [mean([cost(x, real=True) for x in REAL]), mean([cost(x, real=False) for x in FAKE])]
    if mismatch == "roll":
        terms.append(cost(REAL[0] * SENTENCES[1], real=False))
    assert term.item() == pytest.approx(sum(terms) / 2, rel=1e-5)


# ---------------------------------------------------------------------------------------------------
# Eq. 10-14: the power 1/gamma2, and sums over the batch

GAMMA1, GAMMA2, GAMMA3 = 4.0, 3.0, 2.0
LENGTHS = [3, 1, 2]


def features() -> tuple[TextFeatures, ImageFeatures]:
    noise = torch.Generator().manual_seed(5)
    return (
        TextFeatures(
            words=torch.randn(3, 4, 3, generator=noise),
            sentence=torch.randn(3, 4, generator=noise),
            padding=torch.arange(3) >= torch.tensor(LENGTHS)[:, None],
        ),
        ImageFeatures(
            regions=torch.randn(3, 4, 2, 2, generator=noise), image=torch.randn(3, 4, generator=noise)
        ),
    )


def dot(left: list[float], right: list[float]) -> float:
    return sum(one * other for one, other in zip(left, right, strict=True))


def cosine(left: list[float], right: list[float]) -> float:
    return dot(left, right) / sqrt(dot(left, left) * dot(right, right))


def softmax(values: list[float]) -> list[float]:
    return [exp(one) / sum(exp(other) for other in values) for one in values]


def product_of_equation_10(words: list[list[float]], regions: list[list[float]]) -> float:
    """The sum inside Eq. 10's logarithm, from Eq. 7-9, for one caption and one image."""
    by_region = [softmax([dot(word, region) for word in words]) for region in regions]  # over the words
    total = 0.0
    for number, word in enumerate(words):
        attention = softmax([GAMMA1 * shares[number] for shares in by_region])  # over the regions
        context = [dot(attention, list(channel)) for channel in zip(*regions, strict=True)]
        total += exp(GAMMA2 * cosine(context, word))
    return total


def expected(word_score: WordScore, reduction: Reduction) -> dict[str, float]:
    text, image = features()
    words = [text.words[i, :, :n].T.tolist() for i, n in enumerate(LENGTHS)]
    regions = [image.regions[i].flatten(1).T.tolist() for i in range(3)]
    power = 1 / GAMMA2 if word_score == "paper" else 1.0
    scores = {
        "words": [[log(product_of_equation_10(w, r) ** power) for w in words] for r in regions],
        "sentence": [[cosine(v, s) for s in text.sentence.tolist()] for v in image.image.tolist()],
    }
    terms = {}
    for name, rows in scores.items():
        columns = [list(column) for column in zip(*rows, strict=True)]
        for asked, lines in (("caption", rows), ("image", columns)):
            costs = [-log(softmax([GAMMA3 * one for one in line])[i]) for i, line in enumerate(lines)]
            terms[f"{asked} by {name}"] = sum(costs) if reduction == "sum" else mean(costs)
    return terms


@pytest.mark.parametrize("word_score", ["official", "paper"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_matching_is_equations_7_to_14(word_score: WordScore, reduction: Reduction) -> None:
    text, image = features()
    terms = matching_terms(
        text,
        image,
        gamma1=GAMMA1,
        gamma2=GAMMA2,
        gamma3=GAMMA3,
        word_score=word_score,
        reduction=reduction,
    )
    found = {name: term.item() for name, term in terms.items()}
    assert found == pytest.approx(expected(word_score, reduction), rel=1e-4)


def test_the_options_change_what_they_should_by_enough_to_see() -> None:
    code, power, both = expected("official", "mean"), expected("paper", "mean"), expected("paper", "sum")
    assert abs(code["caption by words"] - power["caption by words"]) > 0.1
    assert code["caption by sentence"] == power["caption by sentence"]
    assert both["image by sentence"] == pytest.approx(3 * code["image by sentence"])


def step_with(text: TextFeatures, image: ImageFeatures) -> AdversarialStep:
    nothing = torch.zeros(3, 2)
    return step_of(
        real=(),
        fake=GeneratorOutput((torch.zeros(3, 3, 8, 8),), (), Condition(nothing, nothing, nothing)),
        text=text,
        class_ids=torch.tensor([0, 0, 1]),
        discriminators=(),
        image_encoder=lambda images: image,
    )


@pytest.mark.parametrize("word_score", ["official", "paper"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_generators_loss_takes_the_same_options(word_score: WordScore, reduction: Reduction) -> None:
    loss = DamsmLoss(
        SPEC,
        weight=2,
        gamma1=GAMMA1,
        gamma2=GAMMA2,
        gamma3=GAMMA3,
        mask_same_class=False,
        word_score=word_score,
        reduction=reduction,
    )
    (term,) = loss.generator(step_with(*features())).values()
    assert term.item() == pytest.approx(2 * sum(expected(word_score, reduction).values()), rel=1e-4)


def test_the_encoders_are_trained_with_the_same_options() -> None:
    """With gamma3 gamma2 times as large, the power cancels in the terms by words, and only there."""

    def scalars(**options: Any) -> dict[str, float]:
        torch.manual_seed(0)
        task = MatchingTask(spec(), gamma2=5.0, **options)
        return {name: float(value) for name, value in task.step(batch(), progress=at(0)).items()}

    code = scalars(gamma3=2.0)
    cancelled = scalars(gamma3=10.0, word_score="paper")
    for name in ("caption by words", "image by words"):
        assert cancelled[name] == pytest.approx(code[name], rel=1e-4)
    assert cancelled["caption by sentence"] == pytest.approx(
        scalars(gamma3=10.0)["caption by sentence"], rel=1e-4
    )
    summed = scalars(gamma3=2.0, reduction="sum")
    assert summed == pytest.approx({name: 4 * value for name, value in code.items()}, rel=1e-4)


# ---------------------------------------------------------------------------------------------------
# The divergence of the condition


@pytest.mark.parametrize(("reduction", "share"), [("mean", 6), ("sum", 2)])
def test_the_divergence_is_summed_over_the_condition_or_averaged(reduction: Reduction, share: int) -> None:
    means, logvars = [[0.5, -1.0, 2.0], [0.0, 0.3, -0.2]], [[0.0, 0.7, -1.5], [0.2, -0.4, 1.0]]
    total = sum(
        0.5 * (m * m + exp(v) - 1 - v)
        for row, variances in zip(means, logvars, strict=True)
        for m, v in zip(row, variances, strict=True)
    )
    condition: list[Tensor] = [torch.tensor(means), torch.tensor(logvars)]
    text, _ = features()
    step = step_of(
        real=(),
        fake=GeneratorOutput((), (), Condition(condition[0], *condition)),
        text=TextFeatures(text.words[:2], text.sentence[:2], text.padding[:2]),
        class_ids=torch.arange(2),
        discriminators=(),
    )
    (term,) = ConditioningLoss(SPEC, weight=2, reduction=reduction).generator(step).values()
    assert term.item() == pytest.approx(2 * total / share, rel=1e-5)
