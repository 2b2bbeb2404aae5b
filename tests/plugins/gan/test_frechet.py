"""The Frechet distance as a loss: its values and gradients, and what its averages contain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from attnforge_gan.frechet import FrechetLoss
from attnforge_gan.gaussian_distance import Moments, frechet_distance
from torch import Tensor, nn

from attnforge.errors import RecipeError
from attnforge.interfaces import AdversarialStep, NetworkOutput
from attnforge.testing.examples.steps import adversarial_step, loss_spec


def numpy_distance(first: np.ndarray, second: np.ndarray) -> float:
    """By the eigenvalues of the product of the covariances, which is not symmetric."""
    means = [features.mean(axis=0) for features in (first, second)]
    covariances = [np.cov(features, rowvar=False, bias=True) for features in (first, second)]
    roots = np.sqrt(np.linalg.eigvals(covariances[0] @ covariances[1]).astype(complex)).real
    traces = sum(np.trace(covariance) for covariance in covariances)
    return float(np.square(means[0] - means[1]).sum() + traces - 2 * roots.sum())


def vectors(count: int, dim: int = 5, *, seed: int = 0, spread: float = 1.0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    mixed = torch.randn(count, dim, generator=random) @ torch.randn(dim, dim, generator=random)
    return (spread * mixed + seed).double()


def test_the_distance_is_that_of_numpy() -> None:
    first, second = vectors(40), vectors(30, seed=1, spread=2.0)
    expected = numpy_distance(first.numpy(), second.numpy())
    assert frechet_distance(Moments.of(first), Moments.of(second)).item() == pytest.approx(expected, rel=1e-9)


def test_it_is_symmetric_zero_for_a_set_and_itself_and_known_for_shifted_and_scaled_sets() -> None:
    first, second = Moments.of(vectors(40)), Moments.of(vectors(30, seed=1))
    torch.testing.assert_close(frechet_distance(first, second), frechet_distance(second, first))
    assert frechet_distance(first, first).item() == pytest.approx(0, abs=1e-6)
    scaled = Moments.of(3 * vectors(40) + 2)
    shift = Moments.of(vectors(40)).mean * 2 + 2
    expected = shift.square().sum() + 4 * first.covariance.trace()  # tr(C + 9 C - 2 * 3 C)
    torch.testing.assert_close(frechet_distance(scaled, first), expected)


@pytest.mark.parametrize("count", [12, 3])  # three vectors have a covariance of rank two
def test_gradients_are_those_of_small_differences(count: int) -> None:
    first = vectors(12).requires_grad_()
    second = Moments.of(vectors(count, seed=1))
    assert torch.autograd.gradcheck(lambda features: frechet_distance(Moments.of(features), second), first)


def test_gradients_are_finite_where_all_images_are_alike() -> None:
    alike = torch.ones(4, 5, dtype=torch.double, requires_grad=True)
    frechet_distance(Moments.of(alike), Moments.of(torch.zeros(4, 5))).backward()
    assert alike.grad is not None
    torch.testing.assert_close(alike.grad, torch.full_like(alike, 2 / 4))


class Means(nn.Module):
    """Features are the means of the channels and their squares."""

    name, dim, classes = "means", 6, 0

    def protocol(self) -> dict[str, str]:
        return {}

    def forward(self, images: Tensor) -> NetworkOutput:
        means = images.mean(dim=(2, 3))
        return NetworkOutput(torch.cat([means, means.square()], dim=1))


def loss(**options: Any) -> FrechetLoss:
    return FrechetLoss(loss_spec(), network=Means, **options)


def features(images: Tensor) -> Tensor:
    return Means()(images.detach()).features


def steps() -> list[AdversarialStep]:
    return [adversarial_step(seed=seed, batch=9)[0] for seed in (1, 5)]


def test_without_running_averages_the_term_is_the_distance_of_the_batch() -> None:
    step = steps()[0]
    (term,) = loss(weight=3.0, decay=0.0).generator(step).values()
    expected = numpy_distance(features(step.fake.images[-1]).numpy(), features(step.real[-1]).numpy())
    assert term.item() == pytest.approx(3 * expected, rel=1e-4)


def test_averages_begin_as_those_of_all_images_and_then_forget() -> None:
    known, seen = loss(decay=0.5), steps()
    for step in seen:
        assert known.discriminator(step) == {}
    (term,) = known.generator(seen[1]).values()
    both = [torch.cat([features(images(step)) for step in seen]).numpy() for images in (_fake, _real)]
    assert term.item() == pytest.approx(numpy_distance(*both), rel=1e-4)
    known.discriminator(seen[0])
    expected = [Moments.of(features(_fake(step))).second for step in seen]
    torch.testing.assert_close(known.seconds[0], (expected[0] + expected[1]) / 4 + expected[0] / 2)


def test_gradients_reach_the_images_by_their_share_of_the_averages() -> None:
    known, seen = loss(decay=0.5), steps()
    known.discriminator(seen[0])
    known.discriminator(seen[1])
    gradients = []
    for together in (False, True):
        images = _fake(seen[1]).detach().requires_grad_()
        if together:
            moments = Moments.of(torch.cat([features(_fake(seen[0])), Means()(images).features]))
            other = Moments.of(torch.cat([features(_real(step)) for step in seen]))
            term = frechet_distance(moments, other)
        else:
            fake = replace(seen[1].fake, images=(seen[1].fake.images[0], images))
            (term,) = known.generator(replace(seen[1], fake=fake)).values()
        gradients.append(torch.autograd.grad(term, images)[0])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-7)


def test_a_restored_loss_continues_as_the_saved_one() -> None:
    first, second = loss(), loss()
    first.discriminator(steps()[0])
    second.load_state_dict(first.state_dict())
    terms = [known.generator(steps()[1])["frechet"] for known in (first, second)]
    assert torch.equal(*terms)
    assert not any(isinstance(weight, nn.Parameter) for weight in second.state_dict().values())


def test_the_image_encoder_gives_features_and_one_of_both_is_needed() -> None:
    step, _ = adversarial_step(batch=9)
    assert FrechetLoss(loss_spec()).generator(step)["frechet"] > 0
    with pytest.raises(RecipeError, match="image encoder"):
        FrechetLoss(replace(loss_spec(), image_encoder=False))
    assert FrechetLoss(replace(loss_spec(), image_encoder=False), network=Means).features.dim == 6


def _fake(step: AdversarialStep) -> Tensor:
    return step.fake.images[-1]


def _real(step: AdversarialStep) -> Tensor:
    return step.real[-1]
