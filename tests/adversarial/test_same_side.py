"""Real images are turned to one side, and the generator trains on that side alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_gan.losses import BinaryCrossEntropyLoss
from attnforge_sketch_birds.dataset import SketchBirds
from hypothesis import given
from hypothesis import strategies as st
from known_steps import SPEC
from processes import in_processes
from small_game import at, batch, spec
from torch import Tensor

from attnforge.adversarial.same_side import SameSide, asymmetry, mirrored
from attnforge.adversarial.task import AdversarialTask
from attnforge.interfaces import AdversarialStep
from attnforge.specs import DataSpec
from attnforge.values import Batch

BATCH_SIZE = 16


def birds(count: int, *, facing: str | None = None) -> tuple[Tensor, Tensor]:
    """Images of 64 x 64 pixels, and whether each bird faces left."""
    facings = ("left", "right") if facing is None else (facing,)
    data = SketchBirds(DataSpec(split="train", image_size=64), count=count, facings=facings, seed=3)
    images = torch.stack([torch.from_numpy(data.image(index).copy()) for index in range(count)])
    left = torch.tensor([data.attributes(index).geometry.facing == "left" for index in range(count)])
    return images, left


def batches(levels: Tensor) -> list[Batch]:
    parts = levels.split(BATCH_SIZE)
    return [replace(batch(len(part)), image=part / 127.5 - 1, levels=part) for part in parts]


def test_birds_of_both_sides_face_the_same_way_from_the_first_steps_on() -> None:
    levels, left = birds(20 * BATCH_SIZE)
    side, ways = SameSide(), []
    for given_batch, was_left in zip(batches(levels), left.split(BATCH_SIZE), strict=True):
        turned = side(given_batch)
        was_turned = (turned.image != given_batch.image).flatten(1).any(dim=1)
        assert turned.levels is not None
        torch.testing.assert_close(turned.levels / 127.5 - 1, turned.image)
        ways.append(was_left ^ was_turned)
    agreeing = torch.cat(ways).float().mean()
    assert max(agreeing, 1 - agreeing) == 1, "some birds face the other way"


def test_an_image_and_its_mirror_image_become_the_same_image() -> None:
    levels, _ = birds(BATCH_SIZE)
    side = SameSide()
    side(batches(levels)[0])
    one, other = SameSide(), SameSide()
    for own in (one, other):
        own.load_state_dict(side.state_dict())
    (given_batch,) = batches(levels)
    opposite = replace(given_batch, image=given_batch.image.flip(3), levels=None)
    assert torch.equal(one(given_batch).image, other(opposite).image)
    torch.testing.assert_close(one.component, other.component)


@given(seed=st.integers(0, 2**32 - 1), side=st.integers(4, 40))
def test_the_asymmetry_of_a_mirror_image_is_the_opposite(seed: int, side: int) -> None:
    images = torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(asymmetry(images.flip(3)), -asymmetry(images), atol=1e-5, rtol=0)
    torch.testing.assert_close(asymmetry(-images), asymmetry(images))


def test_images_without_an_edge_or_with_two_like_sides_stay_as_they_are() -> None:
    plain = torch.full((4, 3, 32, 32), 0.3)
    symmetric = torch.rand(4, 3, 32, 32)
    symmetric = symmetric + symmetric.flip(3)
    for images in (plain, symmetric):
        side = SameSide()
        assert torch.equal(side(replace(batch(), image=images)).image, images)
        assert side.component.isfinite().all()


def turned_in_a_process(levels: Tensor) -> dict[str, Tensor]:
    side = SameSide()
    images = [side(one).image for one in batches(levels)]
    return {"image": torch.cat(images), "component": side.component}


def test_all_processes_turn_images_to_the_same_side(tmp_path: Path) -> None:
    levels, _ = birds(2 * BATCH_SIZE, facing="left")
    first, second = in_processes(
        turned_in_a_process, [(levels[:BATCH_SIZE],), (levels[BATCH_SIZE:].flip(3),)], tmp_path
    )
    torch.testing.assert_close(first["component"], second["component"])
    both = torch.cat([first["image"], second["image"]])
    image = torch.cat([levels[:BATCH_SIZE], levels[BATCH_SIZE:]]) / 127.5 - 1
    assert torch.equal(both, image) or torch.equal(both, image.flip(3))


class Seeing(BinaryCrossEntropyLoss):
    """Notes the largest real images of each step."""

    def __init__(self) -> None:
        super().__init__(SPEC)
        self.seen: list[Tensor] = []

    def discriminator(self, step: AdversarialStep) -> dict[str, Tensor]:
        self.seen.append(step.real[-1])
        return super().discriminator(step)


@pytest.mark.parametrize("mirror", [False, True])
def test_losses_see_real_images_of_one_side_if_the_generator_mirrors(mirror: bool) -> None:
    loss = Seeing()
    parts = spec(seen=loss)
    assert isinstance(parts.generator, MultiStageGenerator)
    parts.generator.mirror = mirror
    parts.generator.noise += mirror  # the number that decides
    task = AdversarialTask(parts)
    given_batch = batch()
    opposite = replace(given_batch, image=given_batch.image.flip(3))
    for one in (given_batch, opposite):
        torch.manual_seed(0)
        task.step(one, progress=at(0.0))
    first, second = loss.seen
    assert torch.equal(first, second) == mirror
    was_turned = (first != given_batch.image).flatten(1).any(dim=1)
    assert torch.equal(first, mirrored(given_batch.image, was_turned))
    assert ("same-side" in task.networks()) == mirror
