"""The task `reconstruction` trains a generator on the real images of its captions."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
import torch
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_gan.pixels import PixelLoss, distances
from attnforge_gan.reconstruction import ReconstructionTask
from known_steps import SPEC, prompt_of, step_of
from small_game import at, batch, spec, state
from torch import Tensor, nn

from attnforge.adversarial.pyramid import pyramid
from attnforge.compute.engine import Engine
from attnforge.errors import AttnforgeError, RecipeError
from attnforge.interfaces import GeneratorOutput


class Fixed(nn.Module):
    """Generates given images, whatever the noise and the caption."""

    image_sizes = (16, 32)
    noise = 3

    def __init__(self, images: tuple[Tensor, ...]) -> None:
        super().__init__()
        self.images = nn.ParameterList(image.clone() for image in images)

    def forward(self, noise: Tensor, prompt: object, *, return_attention: bool = False) -> GeneratorOutput:
        images = tuple(image.tanh().expand(len(noise), -1, -1, -1) for image in self.images)
        return GeneratorOutput(images=images, attention=(), condition=None)


def test_the_terms_are_the_mean_distances_of_pixels_and_neighbours_over_the_sizes() -> None:
    images = (torch.randn(4, 3, 16, 16), torch.randn(4, 3, 32, 32))
    task = ReconstructionTask(replace(spec(), generator=Fixed(images)), edges=2.0)
    terms = task.step(batch(), progress=at(0))
    real = pyramid(batch().image, (16, 32))
    pixels, edges = [], []
    for fake, target in zip(images, real, strict=True):
        pixels.append((fake.tanh() - target).abs().mean())
        both = [(one.diff(dim=3), one.diff(dim=2)) for one in (fake.tanh(), target)]
        edges.append(torch.stack([(a - b).abs().mean() for a, b in zip(*both, strict=True)]).mean())
    torch.testing.assert_close(terms["pixels"], torch.stack(pixels).mean())
    torch.testing.assert_close(terms["edges"], 2 * torch.stack(edges).mean())


def test_the_loss_pixels_has_the_terms_of_the_task_times_its_weight() -> None:
    real = pyramid(batch().image, (16, 32))
    fake = tuple(torch.rand_like(image).requires_grad_() for image in real)
    step = step_of(
        real=real,
        fake=GeneratorOutput(images=fake, attention=(), condition=None),
        text=prompt_of(torch.zeros(4, 8)),
        class_ids=torch.arange(4),
        discriminators=(),
    )
    pixels, edges = distances(fake, real)
    loss = PixelLoss(SPEC, weight=7.0, edges=2.0)
    terms = loss.generator(step)
    torch.testing.assert_close(terms, {"pixels": 7 * pixels, "edges": 14 * edges})
    assert loss.discriminator(step) == {}
    sum(terms.values()).backward()  # type: ignore[union-attr]
    assert all(image.grad is not None and image.grad.any() for image in fake)


def test_a_generator_learns_the_image_of_each_caption() -> None:
    task = ReconstructionTask(spec(), learning_rate=1e-2)
    given = batch()
    # one colour an image, which even this small network can learn
    given = replace(
        given, image=given.image.mean(dim=(2, 3), keepdim=True).sign().expand(-1, -1, 32, 32) * 0.5
    )
    losses = []
    for step in range(120):
        torch.manual_seed(step)
        losses.append(float(task.step(given, progress=at(step / 120))["pixels"]))
    assert sum(losses[-5:]) / 5 < 0.6 * losses[0]


def test_only_the_generator_learns() -> None:
    parts = spec()
    task = ReconstructionTask(parts)
    before = {name: state(network) for name, network in task.networks().items()}
    torch.manual_seed(0)
    task.step(batch(), progress=at(0))
    for name, network in task.networks().items():
        weights = dict(network.named_parameters())
        same = all(torch.equal(before[name][key], weight) for key, weight in weights.items())
        assert same == (name != "generator"), name


def test_a_batch_in_parts_has_the_same_terms_where_nothing_compares_images() -> None:
    images = (torch.randn(1, 3, 16, 16), torch.randn(1, 3, 32, 32))
    terms = []
    for size in (None, 2):
        parts = replace(spec(), generator=Fixed(images), engine=Engine(micro_batch_size=size))
        torch.manual_seed(0)
        terms.append(ReconstructionTask(parts).step(batch(), progress=at(0)))
    for name, value in terms[0].items():
        torch.testing.assert_close(terms[1][name], value)


def test_mirrored_images_and_a_missing_generator_are_refused() -> None:
    parts = spec()
    cast("MultiStageGenerator", parts.generator).mirror = True
    with pytest.raises(RecipeError) as caught:
        ReconstructionTask(parts)
    assert caught.value.problems[0].code == "moving-images"
    with pytest.raises(AttnforgeError) as missing:
        ReconstructionTask(replace(spec(), generator=None))
    assert missing.value.problems[0].code == "task-lacks-parts"
