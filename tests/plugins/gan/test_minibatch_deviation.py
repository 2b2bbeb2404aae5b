"""The deviation of images of a caption, from numpy, and what a generator and discriminators learn of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from attnforge_gan.minibatch_deviation import MinibatchDeviationLoss, deviations
from attnforge_gan.same_caption import same_captions

from attnforge.interfaces import AdversarialStep
from attnforge.testing.examples.steps import adversarial_step, loss_spec

CAPTIONS = torch.tensor([0, 1, 0, 3, 1, 0])
"""Of six images: three of the first caption, two of the second, one of the fourth."""


def grouped(seed: int = 0) -> AdversarialStep:
    step, _ = adversarial_step(batch=6, seed=seed)
    return replace(step, prompt=step.prompt.rows(CAPTIONS))


def test_the_deviation_is_that_of_each_captions_images() -> None:
    features = torch.randn(6, 5, 4, 4, generator=torch.Generator().manual_seed(0)) * 3 + 50
    actual = deviations(features, same_captions(grouped().prompt))
    for row, caption in enumerate(CAPTIONS.tolist()):
        members = features[caption == CAPTIONS].numpy()
        expected = np.sqrt(members.var(axis=0) + 1e-8).mean()
        assert actual[row].item() == pytest.approx(expected, rel=1e-3)


def test_only_captions_with_several_images_count() -> None:
    step = grouped()
    loss = MinibatchDeviationLoss(loss_spec(), weight=3.0)
    same = same_captions(step.prompt)
    (network, _), (head, _) = step.discriminators, loss.heads
    logits = [
        head(deviations(network.features(images[0]), same)[:, None])[[0, 1, 2, 4, 5], 0]
        for images in (step.real, step.fake.images)
    ]
    expected = np.log1p(np.exp(-logits[0].detach().numpy())) + np.log1p(np.exp(logits[1].detach().numpy()))
    assert loss.discriminator(step)["deviation 16"].item() == pytest.approx(3 * expected.mean(), rel=1e-4)
    expected = np.log1p(np.exp(-logits[1].detach().numpy()))
    assert loss.generator(step)["deviation 16"].item() == pytest.approx(3 * expected.mean(), rel=1e-4)


def test_where_no_caption_has_two_images_the_terms_are_zero() -> None:
    step, networks = adversarial_step(batch=4)
    loss = MinibatchDeviationLoss(loss_spec())
    for terms in (loss.discriminator(step), loss.generator(step)):
        assert [value.item() for value in terms.values()] == [0, 0]
        sum(terms.values()).backward()  # type: ignore[union-attr]
    weights = [weight for network in networks.values() for weight in network.parameters()]
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in weights)


def test_the_head_learns_which_groups_are_real_and_the_generator_to_differ() -> None:
    """Real images of a caption differ, generated ones do not: images of one number each."""
    torch.manual_seed(0)
    step = grouped()
    spread = torch.tensor([1.0, -1.0, -1.0, 0.5, 1.0, 0.0])
    images = [torch.ones(6, 3, size, size) * spread[:, None, None, None] for size in (16, 32)]
    alike = [torch.full((6, 3, size, size), 0.1) for size in (16, 32)]
    step = replace(step, real=tuple(images), fake=replace(step.fake, images=tuple(alike)))
    loss = MinibatchDeviationLoss(loss_spec())
    networks = torch.nn.ModuleList(step.discriminators)  # type: ignore[arg-type]
    optimizer = torch.optim.Adam([*loss.parameters(), *networks.parameters()], lr=1e-2)
    values = []
    for _ in range(60):
        total = torch.stack(list(loss.discriminator(step).values())).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        values.append(total.item())
    assert values[0] > 2.5  # guessing costs 4 log 2
    assert values[-1] < 1
    differing = replace(step, fake=replace(step.fake, images=tuple(images)))
    terms = [torch.stack(list(loss.generator(each).values())).sum().item() for each in (step, differing)]
    assert terms[1] < terms[0] / 2
