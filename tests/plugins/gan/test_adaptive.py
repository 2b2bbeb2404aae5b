"""Augmentation that adapts: its probability from known logits, and through training and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import cast

import numpy as np
import pytest
import torch
from attnforge_gan.adaptive import AdaptiveDiscriminator
from attnforge_gan.discriminator import JointDiscriminator
from attnforge_gan.losses import HingeLoss
from attnforge_r3gan.relativistic import RelativisticLoss
from known_steps import SPEC
from small_game import DIM, SIZES, play, spec

from attnforge.adversarial.loss import AdversarialLoss
from attnforge.adversarial.task import AdversarialTask
from attnforge.interfaces import Loss
from attnforge.specs import DiscriminatorSpec

JOINT = partial(JointDiscriminator, channels=2)


def adaptive(
    *, size: int = 16, images: int = 100, every: int = 2, initial: float = 0.0
) -> AdaptiveDiscriminator:
    torch.manual_seed(0)
    return AdaptiveDiscriminator(
        DiscriminatorSpec(image_size=size, sentence=DIM),
        of=JOINT,
        images=images,
        every=every,
        initial=initial,
    )


def expected(batches: Sequence[np.ndarray], *, images: int, every: int, p: float) -> list[float]:
    """The probability after each batch, as in the published code: one change for `every` batches."""
    seen: list[np.ndarray] = []
    probabilities = []
    for logits in batches:
        seen.append(np.sign(logits).reshape(len(logits), -1).mean(axis=1))
        if len(seen) == every:
            signs = np.concatenate(seen)
            p = float(np.clip(p + np.sign(signs.mean() - 0.6) * len(signs) / images, 0, 1))
            seen = []
        probabilities.append(p)
    return probabilities


def test_the_probability_follows_the_signs_of_real_images() -> None:
    network = adaptive(images=50, initial=0.1)
    random = np.random.default_rng(0)
    shifts = [2.0] * 24 + [-1.0] * 8 + [1.0] * 8
    batches = [random.normal(shift, 1, (4, 3)) for shift in shifts]
    actual = []
    for logits in batches:
        network.adapt(torch.from_numpy(logits))
        actual.append(network.adapted.item())
    known = expected(batches, images=50, every=2, p=0.1)
    assert max(known) == 1
    assert len(set(known)) > 5
    assert actual == pytest.approx(known, abs=1e-6)


def test_it_never_falls_below_zero() -> None:
    network = adaptive(images=4, every=1)
    network.adapt(torch.tensor([-1.0, -1.0]))
    assert network.adapted.item() == 0


def test_images_are_augmented_with_this_probability() -> None:
    images = torch.rand(400, 3, 16, 16, generator=torch.Generator().manual_seed(0)) + 1
    network = adaptive(initial=0.3)
    changed = (network._augmentation(images)(images) == 0).flatten(1).any(dim=1)
    # translation by no pixel and a hole outside leave few images as they were
    assert 0.35 < changed.float().mean() < 1 - 0.7**2 + 0.05
    network.adapted.zero_()
    assert torch.equal(network._augmentation(images)(images), images)
    network.adapted.fill_(1.0)
    network.eval()
    assert torch.equal(network._augmentation(images)(images), images)


def task(loss: Loss, *, every: int = 1) -> AdversarialTask:
    """A task whose probabilities grow in every change, by a sixteenth for each image."""
    networks = tuple(adaptive(size=size, images=16, every=every) for size in SIZES)
    for network in networks:
        network.target = -2.0
    return AdversarialTask(replace(spec(adversarial=loss), discriminators=networks))


def discriminators(trained: AdversarialTask) -> list[AdaptiveDiscriminator]:
    return [cast("AdaptiveDiscriminator", network) for network in trained.discriminators.values()]


def probabilities(trained: AdversarialTask) -> list[float]:
    return [network.adapted.item() for network in discriminators(trained)]


@pytest.mark.parametrize("loss", [HingeLoss(SPEC), RelativisticLoss(SPEC)])
def test_training_adapts_and_logs_each_size(loss: AdversarialLoss | RelativisticLoss) -> None:
    trained = task(loss)
    logged = play(trained)
    assert [logged[f"augmentation {size}"] for size in SIZES] == [0.25, 0.25] == probabilities(trained)


def test_a_resumed_task_has_the_same_probability_and_goes_the_same_way() -> None:
    first, second = (task(HingeLoss(SPEC), every=2) for _ in range(2))
    for seed in range(3):
        play(first, seed=seed)
    for name, network in second.networks().items():
        network.load_state_dict(first.networks()[name].state_dict())
    for name, optimizer in second.optimizers().items():
        optimizer.load_state_dict(deepcopy(first.optimizers()[name].state_dict()))
    assert probabilities(second) == probabilities(first) == [0.5, 0.5]
    assert play(second, seed=9) == play(first, seed=9)
    assert probabilities(second) == probabilities(first) == [1.0, 1.0]
    for ours, theirs in zip(discriminators(second), discriminators(first), strict=True):
        assert torch.equal(ours.counted, theirs.counted)
