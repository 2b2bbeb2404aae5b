"""What the relativistic loss compares with what, from logits that are known."""

from __future__ import annotations

from math import exp, log1p

import pytest
import torch
from attnforge_r3gan.relativistic import RelativisticLoss
from r3gan_steps import Linear, spec, step
from torch import Tensor

from attnforge.adversarial.negatives import Mismatch
from attnforge.errors import RecipeError
from attnforge.interfaces import AdversarialStep, Prompt

REAL, FAKE, SENTENCES = [0.6, 0.2, -1.0], [-0.3, 0.5, 0.1], [1.5, -2.0, 0.5]


def softplus(value: float) -> float:
    return log1p(exp(value))


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def images(values: list[float], size: int = 4) -> Tensor:
    """Images whose sum over all pixels is the value."""
    return torch.tensor(values)[:, None, None, None].expand(-1, 3, size, size) / (3 * size * size)


def known_step(
    *, sizes: tuple[int, ...] = (4,), patches: int = 1, class_ids: Tensor | None = None
) -> AdversarialStep:
    """Its discriminators' logits are the numbers above; with a caption twice that, plus the sentence's."""
    networks = []
    for size in sizes:
        network = Linear(3, size, size, patches=patches)
        network.map.data = torch.arange(1.0, 1 + patches)[:, None, None, None].expand_as(network.map).clone()
        networks.append(network)
    prompt = Prompt(
        words=torch.zeros(3, 1, 1),
        sentence=torch.tensor(SENTENCES)[:, None],
        padding=torch.zeros(3, 1, dtype=torch.bool),
    )
    return step(
        real=tuple(images(REAL, size) for size in sizes),
        fake=tuple(images(FAKE, size).clone().requires_grad_() for size in sizes),
        discriminators=tuple(networks),
        prompt=prompt,
        class_ids=class_ids,
    )


def test_a_real_image_is_compared_with_the_generated_one_of_its_caption() -> None:
    loss = RelativisticLoss(spec(4), weight=3)
    alone = [softplus(fake - real) for real, fake in zip(REAL, FAKE, strict=True)]
    captioned = [softplus(2 * (fake - real)) for real, fake in zip(REAL, FAKE, strict=True)]
    (term,) = loss.discriminator(known_step()).values()
    assert term.item() == pytest.approx(3 * (mean(alone) + mean(captioned)) / 2, rel=1e-5)
    against = [softplus(real - fake) for real, fake in zip(REAL, FAKE, strict=True)]
    captioned = [softplus(2 * (real - fake)) for real, fake in zip(REAL, FAKE, strict=True)]
    (term,) = loss.generator(known_step()).values()
    assert term.item() == pytest.approx(3 * (mean(against) + mean(captioned)) / 2, rel=1e-5)


def test_logits_without_captions_can_be_left_out() -> None:
    (term,) = RelativisticLoss(spec(4), unconditional=False).discriminator(known_step()).values()
    captioned = [softplus(2 * (fake - real)) for real, fake in zip(REAL, FAKE, strict=True)]
    assert term.item() == pytest.approx(mean(captioned), rel=1e-5)


def test_logits_that_discriminators_lack_are_refused() -> None:
    assert not RelativisticLoss(spec(4, unconditional=False)).unconditional
    with pytest.raises(RecipeError) as raised:
        RelativisticLoss(spec(4, unconditional=False), unconditional=True)
    assert [problem.code for problem in raised.value.problems] == ["no-unconditional-head"]


@pytest.mark.parametrize(
    ("mismatch", "pairs"),
    [
        ("roll", [(0, 1), (1, 2)]),
        ("circular", [(0, 1), (1, 2), (2, 0)]),
        ("other-class", [(0, 2), (1, 2), (2, 0)]),
        ("all", [(0, 2), (1, 2), (2, 0), (2, 1)]),
    ],
)
def test_a_matching_caption_is_compared_with_mismatched_ones(
    mismatch: Mismatch, pairs: list[tuple[int, int]]
) -> None:
    loss = RelativisticLoss(spec(4), weight=3, mismatch=mismatch, mismatch_weight=0.5)
    terms = loss.discriminator(known_step(class_ids=torch.tensor([7, 7, 8])))
    plain = RelativisticLoss(spec(4), weight=3).discriminator(known_step())
    assert list(terms) == ["adversarial 4", "mismatched 4"]
    torch.testing.assert_close(terms["adversarial 4"], plain["adversarial 4"])
    # the image cancels: the sentences remain
    expected = mean([softplus(SENTENCES[caption] - SENTENCES[image]) for image, caption in pairs])
    assert terms["mismatched 4"].item() == pytest.approx(3 * 0.5 * expected, rel=1e-5)


@pytest.mark.parametrize("mismatch", ["other-class", "all"])
def test_without_another_class_the_mismatched_term_is_zero(mismatch: Mismatch) -> None:
    loss = RelativisticLoss(spec(4), mismatch=mismatch)
    terms = loss.discriminator(known_step(class_ids=torch.tensor([7, 7, 7])))
    assert list(terms) == ["adversarial 4", "mismatched 4"]
    assert terms["mismatched 4"].item() == 0


def test_patches_are_compared_one_by_one() -> None:
    loss = RelativisticLoss(spec(4), unconditional=False)
    (term,) = loss.discriminator(known_step(patches=2)).values()
    expected = [
        softplus(2 * scale * (fake - real)) for scale in (1, 2) for real, fake in zip(REAL, FAKE, strict=True)
    ]
    assert term.item() == pytest.approx(mean(expected), rel=1e-5)


def test_every_size_has_a_term_and_only_the_generators_reaches_its_images() -> None:
    loss, known = RelativisticLoss(spec(4, 8)), known_step(sizes=(4, 8))
    discriminator, generator = loss.discriminator(known), loss.generator(known)
    assert list(discriminator) == list(generator) == ["adversarial 4", "adversarial 8"]
    fakes = known.fake.images
    gradients = torch.autograd.grad(sum(discriminator.values()), fakes, allow_unused=True)
    assert gradients == (None, None)
    for gradient in torch.autograd.grad(sum(generator.values()), fakes):
        assert (gradient < 0).all()  # larger logits of generated images are better for it
