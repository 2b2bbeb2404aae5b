"""The image encoders: shapes, what trains, and weights from files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from attnforge_attngan.image_inception import InceptionEncoder
from attnforge_attngan.image_timm import TimmEncoder
from safetensors.torch import save_file
from torchvision.models import inception_v3  # type: ignore[import-untyped]

from attnforge.errors import RecipeError
from attnforge.interfaces import ImageEncoder
from attnforge.specs import ImageSpec

SMALL = {"channels": [8, 8, 16, 16], "stem_width": 8}
SPEC = ImageSpec(dim=6, image_size=64)


@pytest.fixture(scope="module")
def inception() -> Iterator[InceptionEncoder]:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield InceptionEncoder(SPEC)


def small(*, stage: int = 2, weights: str | None = None) -> TimmEncoder:
    return TimmEncoder(SPEC, model="resnet10t", stage=stage, weights=weights, model_options=SMALL)


def test_inception_gives_289_regions_whatever_the_image_s_size(inception: InceptionEncoder) -> None:
    assert isinstance(inception, ImageEncoder)
    with torch.no_grad():
        features = inception(torch.zeros(1, 3, 20, 20))
    assert features.regions.shape == (1, 6, 17, 17)
    assert features.image.shape == (1, 6)


def test_only_the_projections_of_inception_train(inception: InceptionEncoder) -> None:
    trained = [name for name, weight in inception.named_parameters() if weight.requires_grad]
    assert trained == ["projection.regions.weight", "projection.image.weight", "projection.image.bias"]
    inception.train()
    before = {name: value.clone() for name, value in inception.network.state_dict().items()}
    images = torch.rand(2, 3, 32, 32, requires_grad=True)
    features = inception(images)
    (features.regions.sum() + features.image.sum()).backward()
    assert inception.training
    assert all(torch.equal(before[name], value) for name, value in inception.network.state_dict().items())
    assert images.grad is not None
    assert bool(images.grad.any())


def test_inception_s_statistics_follow_the_images_if_requested() -> None:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encoder = InceptionEncoder(SPEC, statistics="adapt").train()
    weights = {name: weight.clone() for name, weight in encoder.network.named_parameters()}
    layer = encoder.network.Conv2d_1a_3x3.bn
    seen: list[torch.Tensor] = []
    layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        encoder(images)
        expected = 0.1 * seen[0].mean(dim=(0, 2, 3))  # from zero, with torch's momentum
        torch.testing.assert_close(layer.running_mean, expected, rtol=1e-4, atol=1e-6)
        after = layer.running_mean.clone()
        encoder.eval()(images)
    assert torch.equal(layer.running_mean, after)
    assert all(torch.equal(weights[name], weight) for name, weight in encoder.network.named_parameters())


def test_inception_reads_torchvision_s_file(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = inception_v3(weights=None, init_weights=False)
    torch.save(network.state_dict(), tmp_path / "inception.pth")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder = InceptionEncoder(SPEC, weights=str(tmp_path / "inception.pth"))
    assert torch.equal(encoder.network.Mixed_7c.branch1x1.conv.weight, network.Mixed_7c.branch1x1.conv.weight)


@pytest.mark.parametrize(("stage", "side"), [(1, 16), (2, 8), (3, 4)])
def test_a_small_network_of_timm(stage: int, side: int) -> None:
    encoder = small(stage=stage)
    features = encoder(torch.zeros(2, 3, 64, 64))
    assert isinstance(encoder, ImageEncoder)
    assert features.regions.shape == (2, 6, side, side)
    assert features.image.shape == (2, 6)


def test_every_weight_of_the_timm_network_trains() -> None:
    encoder = small()
    features = encoder(torch.rand(4, 3, 64, 64))
    (features.regions.square().sum() + features.image.square().sum()).backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in encoder.parameters())


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_weights_come_from_a_file(tmp_path: Path, suffix: str) -> None:
    source, path = small(), tmp_path / f"weights.{suffix}"
    state = {name: value.contiguous() for name, value in source.network.state_dict().items()}
    if suffix == "pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    loaded = small(weights=str(path)).network.state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in state.items())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="nowhere") as raised:
        small(weights=str(tmp_path / "nowhere.pth"))
    assert raised.value.problems[0].code == "no-weights"


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"no weights at all", b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R."]
)
def test_a_broken_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError) as raised:
        small(weights=str(tmp_path / name))
    assert raised.value.problems[0].code == "unreadable-weights"


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(RecipeError) as raised:
        small(weights=str(tmp_path / "other.pth"))
    assert raised.value.problems[0].code == "unreadable-weights"


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"conv1.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(RecipeError) as raised:
        small(weights=str(tmp_path / "other.pth"))
    assert raised.value.problems[0].code == "other-weights"


def test_an_unknown_network_gets_a_suggestion() -> None:
    with pytest.raises(RecipeError) as raised:
        TimmEncoder(SPEC, model="resnet10")
    problem = raised.value.problems[0]
    assert (problem.code, problem.expected) == ("unknown-model", "resnet10t")


def test_a_stage_that_the_network_lacks_is_refused() -> None:
    with pytest.raises(RecipeError) as raised:
        small(stage=7)
    assert raised.value.problems[0].code == "unknown-stage"


@pytest.mark.parametrize("options", [{"chanels": [8]}, {"channels": "wide"}, {"layers": 3}])
def test_options_that_the_network_cannot_take_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match="resnet10t") as raised:
        TimmEncoder(SPEC, model="resnet10t", model_options=options)
    assert raised.value.problems[0].code == "model-options"
