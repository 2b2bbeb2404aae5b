"""Which images a pack has, from its definition, and what generators and discriminators learn of packs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from attnforge_gan.packed import PackedLoss, packs
from torch.nn import functional

from attnforge.errors import RecipeError
from attnforge.interfaces import AdversarialStep
from attnforge.testing.examples.steps import adversarial_step, loss_spec

CAPTIONS = torch.tensor([0, 1, 0, 3, 1, 0])
"""Of six images: three of the first caption, two of the second, one of the fourth."""
WHOLE_PAIRS = [0, 1, 2, 4, 5]
"""The rows whose caption another row has too."""
PARTNERS = [2, 4, 5, 1, 0]
"""The next row with the caption of each of them."""


def grouped(seed: int = 0) -> AdversarialStep:
    step, _ = adversarial_step(batch=6, seed=seed)
    return replace(step, prompt=step.prompt.rows(CAPTIONS))


def test_a_pack_has_the_next_images_of_the_caption() -> None:
    same = CAPTIONS[:, None] == CAPTIONS[None]
    members, whole = packs(same, 2)
    assert whole.nonzero()[:, 0].tolist() == WHOLE_PAIRS
    assert members[WHOLE_PAIRS].tolist() == list(map(list, zip(WHOLE_PAIRS, PARTNERS, strict=True)))
    members, whole = packs(same, 3)
    assert members[whole].tolist() == [[0, 2, 5], [2, 5, 0], [5, 0, 2]]
    members, whole = packs(same, 8)
    assert members.shape == (6, 8)
    assert not whole.any()


def test_terms_are_hinges_of_the_packs_averaged_images() -> None:
    step = grouped()
    loss = PackedLoss(loss_spec(), weight=3.0, of="caption", side=8, channels=4)
    network = loss.networks[1].eval()  # the power method of spectral norms rests
    assert [name for name, _ in network.named_parameters() if "original" in name]
    logits = []
    for images in (step.real[1], step.fake.images[1]):
        small = functional.avg_pool2d(images, 4)
        pairs = torch.cat((small[WHOLE_PAIRS], small[PARTNERS]), dim=1)
        logits.append(network(pairs)[:, 0].detach().numpy())
    real, fake = logits
    loss.eval()
    expected = np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean()
    assert loss.discriminator(step)["packed 32"].item() == pytest.approx(3 * expected, rel=1e-4)
    assert loss.generator(step)["packed 32"].item() == pytest.approx(-3 * fake.mean(), rel=1e-4)


def test_packs_of_the_batch_have_any_images() -> None:
    step, _ = adversarial_step(batch=4)
    loss = PackedLoss(loss_spec(), channels=4).eval()
    network = loss.networks[0].eval()
    logits = network(torch.cat((step.fake.images[0], step.fake.images[0].roll(-1, 0)), dim=1))
    assert loss.generator(step)["packed 16"].item() == pytest.approx(-logits.mean().item(), rel=1e-4)


def test_where_no_caption_has_two_images_the_terms_are_zero() -> None:
    step, networks = adversarial_step(batch=4)
    loss = PackedLoss(loss_spec(), of="caption", channels=4)
    for terms in (loss.discriminator(step), loss.generator(step)):
        assert [value.item() for value in terms.values()] == [0, 0]
        sum(terms.values()).backward()  # type: ignore[union-attr]
    weights = [weight for network in networks.values() for weight in network.parameters()]
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in weights)


def test_images_that_are_alike_are_found_and_pushed_apart() -> None:
    """Real images of a caption differ in one number; generated ones are right one by one, and alike."""
    torch.manual_seed(0)
    step = grouped()
    spread = torch.tensor([1.0, 1.0, -1.0, 0.5, -1.0, 1.0])
    real = [torch.ones(6, 3, size, size) * spread[:, None, None, None] for size in (16, 32)]
    alike = [torch.ones(6, 3, size, size) for size in (16, 32)]
    step = replace(step, real=tuple(real), fake=replace(step.fake, images=tuple(alike)))
    loss = PackedLoss(loss_spec(), of="caption", channels=4)
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-2)
    values = []
    for _ in range(60):
        total = torch.stack(list(loss.discriminator(step).values())).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        values.append(total.item())
    assert values[0] > 3.5  # guessing costs 2 for each of two sizes
    assert values[-1] < 2
    images = [image.clone().requires_grad_() for image in alike]
    torch.stack(
        list(loss.generator(replace(step, fake=replace(step.fake, images=tuple(images)))).values())
    ).sum().backward()
    before = [loss.generator(step)[f"packed {size}"].item() for size in (16, 32)]
    moved = [(image - 0.2 * image.grad.sign()).detach() for image in images if image.grad is not None]
    after = loss.generator(replace(step, fake=replace(step.fake, images=tuple(moved))))
    for size, value in zip((16, 32), before, strict=True):
        assert after[f"packed {size}"].item() < value


def test_a_side_that_cannot_be_halved_to_four_is_refused() -> None:
    with pytest.raises(RecipeError, match="24 x 24") as error:
        PackedLoss(loss_spec(), side=24)
    assert error.value.problems[0].code == "image-size"


def test_stages_weigh_their_packs_and_those_of_weight_0_have_none() -> None:
    step, _ = adversarial_step(batch=4)
    torch.manual_seed(0)
    first = PackedLoss(loss_spec(), weight=2.0, stages=(0.5, 0), channels=4).eval()
    torch.manual_seed(0)
    every = PackedLoss(loss_spec(), channels=4).eval()
    assert len(first.networks) == 1
    for side in ("generator", "discriminator"):
        terms, all_terms = getattr(first, side)(step), getattr(every, side)(step)
        assert list(terms) == ["packed 16"]
        torch.testing.assert_close(terms["packed 16"], all_terms["packed 16"])
    with pytest.raises(RecipeError) as caught:
        PackedLoss(loss_spec(), stages=(1.0, 1.0, 1.0))
    assert caught.value.problems[0].code == "stage-weights"
    assert "the loss `packed` has" in caught.value.problems[0].message
