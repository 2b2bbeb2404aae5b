"""What augmentation does to images, and that a discriminator sees nothing else."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from attnforge_gan.augmentation import Augmentation, Operation, brightness, contrast, cutout, translation
from attnforge_gan.augmented import AugmentedDiscriminator
from attnforge_gan.projection import ProjectionDiscriminator
from attnforge_r3gan.zero_centred import estimated_slopes
from known_steps import prompt_of
from torch import Tensor

from attnforge.adversarial.negatives import mismatched_pairs
from attnforge.optional import AugmentsAlike, ScoresPairs
from attnforge.specs import DiscriminatorSpec

SIDE = 16


def images(count: int = 4, *, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)) + 1


def draws(*rows: tuple[float, float]) -> Tensor:
    return torch.tensor(rows)


def test_brightness_and_contrast_scale_as_published() -> None:
    before = images(2)
    torch.testing.assert_close(
        brightness(before, draws((0, 0), (0.75, 0))) - before,
        torch.tensor([-0.5, 0.25])[:, None, None, None].expand_as(before),
    )
    mean = before.mean(dim=(1, 2, 3), keepdim=True)
    changed = contrast(before, draws((0, 0), (0.9, 0)))
    expected = mean + (before - mean) * torch.tensor([0.5, 1.4])[:, None, None, None]
    torch.testing.assert_close(changed, expected)


def test_translation_moves_whole_pixels_and_fills_with_zero() -> None:
    before = images(3)
    moved = translation(before, draws((0, 0.5), (0.5, 0.5), (0.999, 0.999)))
    assert torch.equal(moved[1], before[1])
    assert torch.equal(moved[0, :, :-2], before[0, :, 2:])
    assert not moved[0, :, -2:].any()
    assert torch.equal(moved[2, :, 2:, 2:], before[2, :, :-2, :-2])
    assert not moved[2, :, :2].any()
    assert not moved[2, :, :, :2].any()


def test_cutout_removes_a_square_of_half_the_side() -> None:
    middle, corner = cutout(images(2), draws((0.5, 0.5), (0, 0)))
    assert [(hidden == 0).all(dim=0).sum().item() for hidden in (middle, corner)] == [64, 16]
    assert not middle[:, 4:12, 4:12].any()
    assert not corner[:, :4, :4].any()


@pytest.mark.parametrize("operation", ["brightness", "contrast", "translation", "cutout", "mirror"])
def test_each_operation_passes_gradients_keeps_shapes_and_is_repeated(operation: Operation) -> None:
    torch.manual_seed(1)
    before = images(32).requires_grad_()
    augmentation = Augmentation.draw(before, operations=[operation], probability=1.0)
    after = augmentation(before)
    assert after.shape == before.shape
    assert torch.equal(after, augmentation(before))
    after.sum().backward()
    assert before.grad is not None
    assert before.grad.flatten(1).any(dim=1).all()
    some = Augmentation.draw(before, operations=[operation], probability=0.25)(before)
    unchanged = sum(torch.equal(image, other) for image, other in zip(some, before, strict=True))
    assert 16 <= unchanged < 32


def test_hue_is_never_changed() -> None:
    """A grey image stays grey: no operation treats channels differently."""
    torch.manual_seed(0)
    grey = images(16)[:, :1].expand(-1, 3, -1, -1)
    every: tuple[Operation, ...] = ("brightness", "contrast", "translation", "cutout", "mirror")
    changed = Augmentation.draw(grey, operations=every, probability=1.0)(grey)
    assert torch.equal(changed[:, 0], changed[:, 1])
    assert not torch.equal(changed, grey)


def network(**options: object) -> AugmentedDiscriminator:
    torch.manual_seed(0)
    of = partial(ProjectionDiscriminator, channels=4)
    return AugmentedDiscriminator(DiscriminatorSpec(image_size=SIDE, sentence=6), of=of, **options)  # type: ignore[arg-type]


def test_only_training_sees_augmented_images() -> None:
    augmented, batch = network(), images()
    augmented.eval()
    assert torch.equal(augmented.features(batch), augmented.network.features(batch))
    augmented.train()
    assert not torch.allclose(augmented.features(batch), augmented.network.features(batch))


def test_pairs_are_scored_as_the_discriminator_scores_them() -> None:
    augmented = network().eval()
    assert isinstance(augmented, ScoresPairs)
    features, prompt = augmented.features(images()), prompt_of(torch.randn(4, 6))
    rows, captions = mismatched_pairs(torch.arange(4), "all")
    pairs = augmented.pair_logits(features, prompt, images=rows, captions=captions)
    torch.testing.assert_close(pairs, augmented.logits(features[rows], prompt.rows(captions)))


def test_a_finite_difference_compares_images_that_are_augmented_alike() -> None:
    augmented = network(operations=("translation", "cutout", "brightness")).train()
    assert isinstance(augmented, AugmentsAlike)
    batch, prompt = images(), prompt_of(torch.zeros(4, 6))
    first, second = augmented.features_alike(batch, batch)
    # the power method of spectral normalisation takes a step at each call
    torch.testing.assert_close(first, second, atol=0.05, rtol=0.05)
    slopes = estimated_slopes(augmented, batch, prompt, unconditional=False, distance=0.01)
    # other changes for each would make this (a difference of logits / 0.01) squared
    assert slopes.max() < 50
