"""With official weights, GAWWN's networks, warps, losses and steps give the official numbers."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from attnforge_gan_int_cls.losses import MatchingAwareLoss, loss_of_fake, loss_of_real
from attnforge_gawwn.box_discriminator import BoxDiscriminator
from attnforge_gawwn.box_generator import BoxGenerator
from attnforge_gawwn.keypoint_discriminator import KeypointDiscriminator
from attnforge_gawwn.keypoint_generator import KeypointGenerator
from attnforge_gawwn.layout import Layout, LayoutDiscriminator, LayoutGenerator
from attnforge_gawwn.maps import maps_of
from attnforge_gawwn.warping import crop, paste
from golden_vectors import GOLDEN, assert_near, normal, vectors
from official_gawwn import (
    BOX,
    KEYPOINTS,
    SYSTEM,
    box_discriminator,
    box_generator,
    gradient_norms,
    keypoint_discriminator,
    keypoint_generator,
    layout_discriminator,
    layout_generator,
    official_images,
    prompt_of,
)
from torch import Tensor, nn

from attnforge.specs import DiscriminatorSpec, GeneratorSpec, LossSpec

MODES = ("eval", "train")


def assert_image_near(image: Tensor, expected: dict[str, Tensor]) -> None:
    assert_near(image[..., ::7, ::7], expected["image_every7"])
    assert_near(image.mean(dim=(2, 3)), expected["image_mean"])
    assert_near(image.std(dim=(2, 3)), expected["image_std"])


def test_warps() -> None:
    expected = vectors(SYSTEM, "warp")
    maps, boxes = normal("warp.features", 6, 5, 16, 16), expected["boxes"]
    assert_near(paste(maps, boxes), expected["paste"])
    assert_near(crop(maps[:2], boxes[:2]), expected["crop"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("elements", [1, 2])
def test_images_of_boxes(elements: int, mode: str) -> None:
    expected = vectors(SYSTEM, f"bbox_generator_elements{elements}_{mode}")
    generator = box_generator(elements=elements).train(mode == "train")
    with torch.no_grad():
        image = generator.generate(
            expected["noise"], expected["text"], expected["boxes"].view(3, elements, 4)
        )
    assert_image_near(image, expected)


@pytest.mark.parametrize("mode", MODES)
def test_scores_of_boxes(mode: str) -> None:
    expected = vectors(SYSTEM, "bbox_discriminator")
    discriminator = box_discriminator().train(mode == "train")
    prompt = prompt_of(expected["text"], box=expected["boxes"])
    with torch.no_grad():
        logits = discriminator(official_images("real128"), prompt)
    assert_near(logits.sigmoid()[:, None], expected[f"score_{mode}"])


def test_the_official_code_sees_the_image_twice_in_a_pass() -> None:
    """Statistics of batch normalisation move twice there; scores in training do not depend on them."""
    expected = vectors(SYSTEM, "bbox_discriminator")
    discriminator = box_discriminator().train()
    with torch.no_grad():
        for _ in range(2):
            discriminator.features(official_images("real128"))
    state = discriminator.state_dict()
    assert_near(state["layers.5.running_mean"], expected["running_mean_first"])
    assert_near(state["layers.5.running_var"], expected["running_var_first"])


def test_maps_of_key_points() -> None:
    expected = vectors(SYSTEM, "keypoint_maps")
    maps = maps_of(expected["keypoints"]).flatten(2)
    assert torch.equal(maps.argmax(dim=2), expected["index"].long())
    assert torch.equal(maps.sum(dim=2), expected["present"].float())


@pytest.mark.parametrize("mode", MODES)
def test_images_and_scores_of_key_points(mode: str) -> None:
    expected = vectors(SYSTEM, f"keypoint_generator_{mode}")
    generator = keypoint_generator().train(mode == "train")
    with torch.no_grad():
        image = generator(
            expected["noise"], prompt_of(expected["text"], keypoints=expected["keypoints"])
        ).images[0]
    assert_image_near(image, expected)
    expected = vectors(SYSTEM, "keypoint_discriminator")
    discriminator = keypoint_discriminator().train(mode == "train")
    prompt = prompt_of(expected["text"], keypoints=expected["keypoints"])
    with torch.no_grad():
        logits = discriminator(official_images("real128"), prompt)
    assert_near(logits.sigmoid()[:, None], expected[f"score_{mode}"])


@pytest.mark.parametrize("mode", MODES)
def test_generated_key_points_and_their_scores(mode: str) -> None:
    expected = vectors(SYSTEM, "keypoints_only")
    generator, discriminator = layout_generator(), layout_discriminator()
    generator.train(mode == "train")
    discriminator.train(mode == "train")
    with torch.no_grad():
        points = generator(expected["noise"], expected["text"], expected["given"])
        score = discriminator(expected["real"], expected["text"]).sigmoid()[:, None]
    assert_near(points, expected[f"keypoints_{mode}"])
    assert_near(score, expected[f"score_{mode}"])


Scores = Callable[[Tensor, Tensor], Tensor]
"""Logits of images, or of key points, with sentences."""


def step_of(name: str) -> tuple[dict[str, Tensor], nn.Module, nn.Module, Tensor, Tensor, Scores]:
    """The official numbers of a step, both networks, the real and generated images or points, and logits."""
    expected = vectors(SYSTEM, name)
    generator: nn.Module
    discriminator: nn.Module
    if name == "keypoints_only_step":
        layout, judge = layout_generator().train(), layout_discriminator().train()
        points = layout(expected["noise"], expected["text"], expected["given"])
        return expected, layout, judge, expected["real_keypoints"], points, judge
    if name == "bbox_step":
        extras = {"box": expected["boxes"]}
        generator, discriminator = box_generator().train(), box_discriminator().train()
        noise = expected["noise"].flatten(1)
    else:
        extras = {"keypoints": expected["keypoints"]}
        generator, discriminator = keypoint_generator().train(), keypoint_discriminator().train()
        noise = expected["noise"]
    text = expected["text"].reshape(3, -1)
    fake = generator(noise, prompt_of(text, **extras)).images[0]

    def scores(images: Tensor, sentences: Tensor) -> Tensor:
        logits: Tensor = discriminator(images, prompt_of(sentences.reshape(3, -1), **extras))
        return logits

    return expected, generator, discriminator, official_images("real128"), fake, scores


@pytest.mark.parametrize("name", ["bbox_step", "keypoint_step", "keypoints_only_step"])
def test_one_step_of_training(name: str) -> None:
    expected, generator, discriminator, real, fake, scores = step_of(name)
    official = {
        "bbox_step": "bbox",
        "keypoint_step": "keypoint",
        "keypoints_only_step": "keypoints_only",
    }[name]
    assert_value_near(fake.mean(), expected["fake_mean"])
    assert_value_near(fake.std(), expected["fake_std"])

    generator_loss = loss_of_real(scores(fake, expected["text"]))
    assert_value_near(generator_loss, expected["generator"])
    generator_loss.backward(retain_graph=True)
    norms = gradient_norms(generator, f"{official}_generator")
    assert_norms_near(norms, expected["grad_norms_generator_before_D_step"])

    discriminator.zero_grad()
    real_loss = loss_of_real(scores(real, expected["text"]))
    fake_loss = loss_of_fake(scores(fake.detach(), expected["text"]))
    total = real_loss + fake_loss
    if name != "keypoints_only_step":
        loss = MatchingAwareLoss(
            LossSpec(words=24, vocabulary_size=9, image_sizes=(128,), unconditional=False)
        )
        mismatched_loss = loss_of_fake(scores(real, expected["text_shuffled"]))
        total = loss.total(real_loss, mismatched_loss, fake_loss)
        assert_value_near(mismatched_loss / 2, expected["wrong_weighted"])
    assert_value_near(real_loss, expected["real"])
    assert_value_near(total, expected["discriminator"])
    total.backward()
    assert_norms_near(
        gradient_norms(discriminator, f"{official}_discriminator"), expected["grad_norms_discriminator"]
    )
    torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999)).step()
    again = loss_of_real(scores(fake, expected["text"]))
    torch.testing.assert_close(again, expected["generator_if_D_reevaluated"], rtol=1e-3, atol=0)


@pytest.mark.parametrize("width", ["defaults", "scripts"])
def test_parameters_of_the_published_sizes(width: str) -> None:
    counts = json.loads((GOLDEN / SYSTEM / "parameter_counts.json").read_text())[width]
    channels = {"defaults": 64, "scripts": 128}[width]
    spec = {"image_size": 128, "sentence": 1024}
    with torch.device("meta"):
        networks: dict[str, nn.Module] = {
            "bbox_G": BoxGenerator(GeneratorSpec(words=1024, extras=BOX)),
            "bbox_D": BoxDiscriminator(DiscriminatorSpec(**spec, extras=BOX), channels=channels),
            "keypoint_G": KeypointGenerator(GeneratorSpec(words=1024, extras=KEYPOINTS)),
            "keypoint_D": KeypointDiscriminator(
                DiscriminatorSpec(**spec, extras=KEYPOINTS), channels=channels
            ),
            "keypoints_only_G": LayoutGenerator(words=1024, points=15, layout=Layout()),
            "keypoints_only_D": LayoutDiscriminator(words=1024, points=15, channels=channels),
        }
    assert {
        name: sum(weight.numel() for weight in network.parameters()) for name, network in networks.items()
    } == counts


def assert_value_near(value: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-6)


def assert_norms_near(norms: Tensor, expected: Tensor) -> None:
    """The same norms of gradients, up to a thousandth, and rounding where they cancel."""
    torch.testing.assert_close(norms, expected, rtol=1e-3, atol=1e-5 * float(expected.max()))
