"""The drift of features, from the published algorithm written as loops, and what it leads to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from attnforge_gan.drift import drift
from attnforge_gan.drifting import DriftingLoss
from attnforge_gan.same_caption import same_captions

from attnforge.testing.examples.steps import adversarial_step, loss_spec

RADII = (0.02, 0.05, 0.2)


def looped(generated: np.ndarray, real: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The drift of each generated image and the scale of each caption, one pair after another."""
    captions, count, dim = generated.shape
    scales = []
    forces = np.zeros((len(RADII), *generated.shape))
    for caption in range(captions):
        own, fitting = generated[caption], real[caption]
        targets = np.concatenate([own, fitting])
        distances = np.array([[np.linalg.norm(g - t) for t in targets] for g in own])
        scale = distances.mean()
        scales.append(scale / dim**0.5)
        for index, radius in enumerate(RADII):
            weights = np.exp(-distances / scale / radius)
            for i in range(count):
                weights[i, i] = 0
            for i in range(count):
                affinities = [
                    np.sqrt(weights[i, t] / weights[i].sum() * weights[i, t] / weights[:, t].sum())
                    for t in range(len(targets))
                ]
                towards, away = affinities[count:], affinities[:count]
                for t, target in enumerate(targets):
                    factor = affinities[t] * (sum(away) if t >= count else -sum(towards))
                    forces[index, caption, i] += factor * (target - own[i]) / scales[-1]
    total = sum(force / np.sqrt(np.square(force).mean()) for force in forces)
    return np.asarray(total), np.array(scales)


def test_the_drift_is_that_of_the_published_algorithm() -> None:
    random = np.random.default_rng(0)
    generated, real = random.normal(size=(2, 4, 6)), random.normal(1, 2, size=(5, 6))
    fitting = torch.tensor([[True, False, True, True, False], [False, True, False, False, True]])
    moved, scale = drift(torch.tensor(generated), torch.tensor(real), fitting=fitting, radii=RADII)
    expected, scales = looped(generated, [real[row] for row in fitting.numpy()])
    np.testing.assert_allclose(moved.numpy(), expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(scale.flatten().numpy(), scales, rtol=1e-9)


def test_images_that_are_all_of_one_kind_find_the_other_kind() -> None:
    """A generator of 64 points near one of two clusters: eight at a time drift with eight real ones."""
    random = torch.Generator().manual_seed(0)
    cluster = torch.tensor([3.0, 0.0])
    points = 0.1 * torch.randn(64, 2, generator=random) - cluster
    fitting = torch.ones(1, 8, dtype=torch.bool)
    for _ in range(600):
        rows = torch.randperm(64, generator=random)[:8]
        signs = (torch.rand(8, 1, generator=random) < 0.5).float() * 2 - 1
        real = signs * cluster + 0.3 * torch.randn(8, 2, generator=random)
        moved, scale = drift(points[rows][None], real, fitting=fitting, radii=(0.2, 0.5))
        points[rows] += 0.05 * (scale * moved)[0]
    assert 0.2 < (points[:, 0] > 0).float().mean() < 0.8
    nearest = torch.stack([(points - sign * cluster).norm(dim=1) for sign in (-1, 1)]).amin(dim=0)
    assert nearest.median() < 1


def test_of_one_real_image_attraction_is_left_and_of_one_point_nothing() -> None:
    one = torch.tensor([[1.0, 0.0]])
    fitting = torch.ones(1, 1, dtype=torch.bool)
    moved, _ = drift(torch.tensor([[[-1.0, 1.0], [-1.0, -1.0]]]), one, fitting=fitting, radii=(0.5,))
    assert (moved[0, :, 0] > 0).all()
    still, _ = drift(one.expand(1, 3, 2), one, fitting=fitting, radii=RADII)
    assert not still.any()


def test_the_term_is_the_squared_drift_and_reaches_the_generator() -> None:
    step, networks = adversarial_step(batch=8)
    torch.manual_seed(3)
    term = DriftingLoss(loss_spec(), weight=2.0, captions=3, images=5).generator(step)["drifting"]
    torch.manual_seed(3)
    noise = torch.randn(15, step.generator.noise)
    rows = torch.arange(3).repeat_interleave(5)
    with torch.no_grad():
        assert step.image_encoder is not None
        images = step.generator(noise, step.prompt.rows(rows)).images[-1]
        generated = step.image_encoder(images).image.reshape(3, 5, -1)
        real = step.image_encoder(step.real[-1]).image
    moved, _ = drift(generated, real, fitting=torch.eye(8)[:3].bool(), radii=RADII)
    torch.testing.assert_close(term.detach(), 2 * moved.square().mean())
    term.backward()
    assert any(weight.grad is not None and weight.grad.any() for weight in networks["generator"].parameters())


@pytest.mark.parametrize("with_tokens", [True, False])
def test_images_with_the_same_words_share_their_caption(with_tokens: bool) -> None:
    step, _ = adversarial_step(batch=4)
    prompt = step.prompt.rows(torch.tensor([0, 1, 0, 3]))
    if not with_tokens:
        prompt = replace(prompt, tokens=None)
    expected = torch.eye(4).bool()
    expected[0, 2] = expected[2, 0] = True
    assert torch.equal(same_captions(prompt), expected)


def test_images_of_a_class_fit_its_captions_if_asked_for() -> None:
    step, _ = adversarial_step(batch=4)  # of three classes, the first twice
    expected = torch.eye(4).bool()
    assert torch.equal(DriftingLoss(loss_spec())._fitting(step), expected)
    expected[0, 3] = expected[3, 0] = True
    assert torch.equal(DriftingLoss(loss_spec(), fitting="class")._fitting(step), expected)
