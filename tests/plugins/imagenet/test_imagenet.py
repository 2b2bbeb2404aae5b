"""ImageNet weights that packages carry: the right network, the right file, and what is said without it."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import attnforge_imagenet.plugin as imagenet_plugin
import pytest
import torch
from attnforge_imagenet.carried import WEIGHTS, load_carried
from attnforge_imagenet.encoder import EfficientNetEncoder
from attnforge_imagenet.features import EfficientNetLite0, EfficientNetLite1
from attnforge_imagenet.network import prepare
from attnforge_imagenet.perceptual import PerceptualLoss
from attnforge_imagenet.projected import ProjectedDiscriminator
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor  # type: ignore[import-untyped]

from attnforge.doctor.carried import carried_files
from attnforge.errors import RecipeError
from attnforge.evaluate.quantise import from_bytes
from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.recipe.library import RecipeText
from attnforge.specs import DiscriminatorSpec, ImageSpec, LossSpec
from attnforge.testing import adversarial_step, conformance
from attnforge.values import Prompt

PHOTOGRAPHS = Path(os.environ.get("ATTNFORGE_DATA", Path(__file__).parents[4] / "shared" / "data"))
CLASSES = {
    "000000160012": "pizza",
    "000000215245": "zebra",
    "000000252332": "street sign",
    "000000252639": "trolleybus",
    "000000249025": "vase",
}
"""Open COCO photographs and what their captions call them; classes 963, 340, 919, 874 and 883 of ImageNet."""
NUMBERS = [963, 340, 919, 874, 883]
NETWORKS: dict[str, Any] = {"lite0": EfficientNetLite0, "lite1": EfficientNetLite1}
PLUGINS = load_plugins(extra=[("imagenet", imagenet_plugin)])


def installed(package: str) -> bool:
    return find_spec(package.replace("-", "_")) is not None


needs_lite0 = pytest.mark.skipif(not installed(WEIGHTS["lite0"].package), reason="lite0 is not installed")
needs_lite1 = pytest.mark.skipif(not installed(WEIGHTS["lite1"].package), reason="lite1 is not installed")


def prompt_of(sentence: Tensor) -> Prompt:
    return Prompt(sentence[:, :, None], sentence, torch.zeros(len(sentence), 1, dtype=torch.bool))


def noise(*, size: int = 224, seed: int = 1) -> Tensor:
    numbers = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed))
    return (numbers * 255).round() / 127.5 - 1


@pytest.mark.parametrize(
    "size",
    [pytest.param("lite0", marks=needs_lite0), pytest.param("lite1", marks=[needs_lite1, pytest.mark.long])],
)
def test_the_network_is_that_of_the_package_s_own_definition(size: str) -> None:
    definition = pytest.importorskip("efficientnet_lite_pytorch")
    weights = WEIGHTS[size].path()  # type: ignore[index]
    theirs = definition.EfficientNet.from_name(f"efficientnet-{size}")
    theirs.load_state_dict(torch.load(weights, weights_only=True))
    ours = NETWORKS[size]()
    side = {"lite0": 224, "lite1": 240}[size]
    images = noise(size=side)
    with torch.no_grad():
        expected = theirs.eval()(prepare(images, side=side))
        output = ours(images)
    assert output.features.shape == (2, 1280)
    assert torch.allclose(output.logits, expected, atol=1e-4)
    assert expected.std() > 0.1


@pytest.mark.long
@needs_lite0
@needs_lite1
@pytest.mark.parametrize("size", ["lite0", "lite1"])
def test_photographs_are_what_their_captions_say(size: str) -> None:
    folder = PHOTOGRAPHS / "coco_open" / "images"
    if not folder.is_dir():
        pytest.skip("coco_open is not in ATTNFORGE_DATA or ../shared/data")
    network = NETWORKS[size]()
    classes = []
    for name in CLASSES:
        image = Image.open(folder / f"{name}.jpg").convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = pil_to_tensor(image.crop((left, top, left + side, top + side)))
        with torch.no_grad():
            classes.append(int(network(from_bytes(square[None])).logits.argmax()))
    assert classes == NUMBERS


def test_bytes_are_scaled_as_in_training() -> None:
    levels = from_bytes(
        torch.tensor([0, 127, 255], dtype=torch.uint8)[None, :, None, None].expand(1, 3, 32, 32)
    )
    assert prepare(levels, side=32)[0, :, 0, 0].tolist() == pytest.approx([-127 / 128, 0, 1], abs=1e-6)
    resized = prepare(noise(size=40), side=32)
    assert resized.shape == (2, 3, 32, 32)
    assert -127 / 128 - 1e-6 <= float(resized.min()) <= float(resized.max()) <= 1 + 1e-6


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"conv.weight": torch.zeros(1)}, path)
    with pytest.raises(RecipeError) as error:
        load_carried(torch.nn.Linear(1, 1), "lite0", weights=str(path))
    assert [problem.code for problem in error.value.problems] == ["carried-file-other"]
    with pytest.raises(RecipeError, match="no file"):
        load_carried(torch.nn.Linear(1, 1), "lite0", weights=str(tmp_path / "none.pth"))


@needs_lite0
def test_a_network_of_other_layers_is_refused() -> None:
    with pytest.raises(RecipeError, match="do not fit") as error:
        load_carried(torch.nn.Linear(1, 1), "lite0", weights=None)
    assert [problem.code for problem in error.value.problems] == ["imagenet-weights-other"]


@pytest.mark.long
@needs_lite0
def test_an_encoder_trains_its_two_layers_or_all() -> None:
    spec = ImageSpec(dim=7, image_size=64)
    images = noise(size=64)
    for frozen in (True, False):
        encoder = EfficientNetEncoder(spec, side=64, frozen=frozen, stage=2)
        encoder.train()
        features = encoder(images)
        assert features.regions.shape == (2, 7, 8, 8)
        features.image.sum().backward()
        trained = {
            name.split(".")[0] for name, weight in encoder.named_parameters() if weight.grad is not None
        }
        assert trained == ({"image"} if frozen else {"image", "network"})
        assert encoder.network.training is not frozen


@pytest.mark.long
@needs_lite0
@pytest.mark.parametrize(("side", "scales"), [(64, 3), (128, 4)])
def test_a_projected_discriminator_learns_beside_fixed_features_and_fixed_mixtures(
    side: Literal[64, 128], scales: int
) -> None:
    torch.manual_seed(0)
    network = ProjectedDiscriminator(DiscriminatorSpec(image_size=64, sentence=6), side=side, channels=8)
    network.train()
    images, sentence = noise(size=64).requires_grad_(), torch.randn(2, 6)
    features = network.features(images)
    assert features.shape == (2, scales * 8, 4, 4)
    alone, together = network.logits(features, None), network.logits(features, prompt_of(sentence))
    assert alone.shape == together.shape == (2, scales)
    network.eval()
    fixed = features.detach()
    matches = [network.logits(fixed, prompt_of(factor * sentence)) for factor in (0, 1, -2)]
    torch.testing.assert_close(matches[2] - matches[0], -2 * (matches[1] - matches[0]))
    together.sum().backward()
    assert images.grad is not None
    assert images.grad.abs().flatten(1).sum(dim=1).min() > 0
    learned = {name.split(".")[0] for name, weight in network.named_parameters() if weight.grad is not None}
    assert learned == {"scales", "alone", "image", "sentence"}
    assert not any(name.startswith("network") for name in network.state_dict())
    assert any(name.startswith("across_channels") for name in network.state_dict())
    assert not network.network.network.training


@pytest.mark.parametrize("option", ["flip", "crop"])
def test_the_perceptual_distance_refuses_images_that_move(option: str) -> None:
    recipe = Path(imagenet_plugin.__file__).parent / "recipes/quickstart-folder-imagenet.yaml"
    resolved = resolve(recipe, overrides=["data.root=x"], plugins=PLUGINS)
    assert "`image`, `losses.perceptual` of" in next(carried_files(resolved)).finding
    with pytest.raises(RecipeError) as refused:
        resolve(recipe, overrides=["data.root=x", f"data.{option}=true"], plugins=PLUGINS)
    (problem,) = refused.value.problems
    assert (problem.code, problem.expected) == ("moving-images", "data: {crop: false, flip: false}")
    assert str(problem.place).startswith("command line:2:")
    assert problem.next_step == f"attnforge train RECIPE data.{option}=false"
    trained = resolved.frozen().replace(f"{option}: false", f"{option}: true", 1)
    assert resolve(RecipeText(trained), plugins=PLUGINS).data()["data"][option], "a run stays usable"


@pytest.mark.long
@needs_lite0
def test_the_perceptual_distance_is_0_of_the_real_image_and_its_gradient_leads_there() -> None:
    torch.manual_seed(0)
    spec = LossSpec(words=4, vocabulary_size=9, image_sizes=(64,))
    loss = PerceptualLoss(spec, weight=0.5, pixels=3, side=64)
    assert not list(loss.parameters())
    real = noise(size=64)
    step, _ = adversarial_step(batch=2)

    def terms(fake: Tensor) -> dict[str, Tensor]:
        changed = replace(step, real=(real,), fake=replace(step.fake, images=(fake,)))
        assert loss.discriminator(changed) == {}
        return loss.generator(changed)

    assert {name: float(value) for name, value in terms(real).items()} == {"perceptual": 0, "pixels": 0}
    fake = (-real / 2).requires_grad_()
    far = terms(fake)
    total = sum(far.values(), start=torch.zeros(()))
    assert float(far["pixels"].detach()) == pytest.approx(0.5 * 3 * 1.5 * float(real.abs().mean()), rel=1e-4)
    total.backward()
    assert fake.grad is not None
    nearer = terms((fake - 1e-3 * fake.grad / fake.grad.abs().mean()).detach())
    assert float(sum(nearer.values(), start=torch.zeros(()))) < float(total.detach())


@pytest.mark.long
@needs_lite0
def test_grey_features_do_not_see_hues_and_have_another_label() -> None:
    red, blue = torch.full((2, 1, 3, 64, 64), -1.0)
    red[:, 0, :32], blue[:, 2, :32] = 0.2, 0.2 * 0.299 / 0.114 + 0.299 / 0.114 - 1
    network = EfficientNetLite0(grey=True, side=96)
    with torch.no_grad():
        first, second = network(red).features, network(blue).features
        coloured = [EfficientNetLite0(side=96)(images).features for images in (red, blue)]
    torch.testing.assert_close(first, second, atol=1e-3, rtol=1e-3)
    assert (coloured[0] - coloured[1]).abs().max() > 0.1
    protocol = network.protocol()
    assert "96 x 96" in protocol["resize"]
    assert "colours" in protocol
    assert EfficientNetLite0().protocol()["resize"].endswith("224 x 224")
    assert "colours" not in EfficientNetLite0().protocol()


if installed(WEIGHTS["lite0"].package):
    TestPerceptual = pytest.mark.long(conformance("loss/perceptual", options={"side": 32}, plugins=PLUGINS))
    TestProjected = pytest.mark.long(
        conformance(
            "discriminator/projected",
            options={"side": 128, "channels": 4},
            plugins=PLUGINS,
        )
    )
    TestFeatures = pytest.mark.long(conformance("feature-network/efficientnet-lite0", plugins=PLUGINS))
    TestEncoder = pytest.mark.long(
        conformance("image-encoder/efficientnet", options={"side": 64}, plugins=PLUGINS)
    )
    TestFineTuned = pytest.mark.long(
        conformance(
            "image-encoder/efficientnet",
            options={"side": 64, "frozen": False, "stage": 2},
            plugins=PLUGINS,
            skip={"compile": "TestEncoder compiles the same network"},
        )
    )
