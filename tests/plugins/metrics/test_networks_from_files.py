"""Feature networks of timm's folders and of LPIPS, with small or random weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from attnforge_metrics.diversity import CaptionDiversity
from attnforge_metrics.perceptual import PerceptualFeatures
from attnforge_metrics.timm_folder import TimmFeatures
from measured_images import values_of
from small_networks import COLOURS, write_dinov2, write_lpips
from torch import Tensor

from attnforge.errors import RecipeError
from attnforge.evaluate.networks import Networks, Reference
from attnforge.evaluate.quantise import to_eight_bits
from attnforge.specs import MetricSpec


def some_images(size: int, count: int = 2) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(size)) * 2 - 1


@pytest.fixture(scope="module")
def dinov2(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A small DINOv2 with random weights in a folder as timm's, and the network itself."""
    folder = tmp_path_factory.mktemp("dinov2")
    return folder, write_dinov2(folder)


@torch.no_grad()
def test_features_of_a_folder_are_those_of_timm(dinov2: tuple[Path, Any]) -> None:
    folder, network = dinov2
    ours = TimmFeatures(weights=str(folder))
    images = some_images(56)
    mean, deviation = (torch.tensor(COLOURS[key]).reshape(3, 1, 1) for key in ("mean", "std"))
    expected = network(((images + 1) / 2 - mean) / deviation)
    output = ours(images)
    assert torch.allclose(output.features, expected, atol=1e-5)
    assert expected.std() > 0.1
    assert output.logits is None
    assert (ours.name, ours.dim, ours.classes) == ("vit_small_patch14_dinov2", 16, 0)
    assert ours.protocol()["layer"] == "pool (token)"


@torch.no_grad()
def test_a_transformer_takes_images_of_another_size(dinov2: tuple[Path, Any]) -> None:
    folder, _ = dinov2
    larger = TimmFeatures(weights=str(folder), size=84)
    assert larger(some_images(64)).features.shape == (2, 16)
    assert larger.protocol()["resize"] == "bicubic, antialiased, 84 x 84"
    assert larger.protocol() != TimmFeatures(weights=str(folder)).protocol()


def test_what_is_wrong_with_a_folder_is_named(dinov2: tuple[Path, Any], tmp_path: Path) -> None:
    folder, _ = dinov2
    with pytest.raises(RecipeError) as missing:
        TimmFeatures(weights=str(tmp_path / "nowhere"))
    (problem,) = missing.value.problems
    assert (problem.code, problem.next_step) == (
        "no-weights",
        f"hf download timm/vit_large_patch14_dinov2.lvd142m --local-dir {tmp_path / 'nowhere'}",
    )
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    for config in ("{}", '{"architecture": "resnet0"}', '{"architecture": "resnet18"}'):
        (tmp_path / "config.json").write_text(config)
        with pytest.raises(RecipeError) as other:
            TimmFeatures(weights=str(tmp_path))
        assert other.value.problems[0].code == "other-weights"


@pytest.fixture(scope="module")
def lpips_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_lpips(tmp_path_factory.mktemp("lpips"))


@torch.no_grad()
def by_hand(files: dict[str, str], first: Tensor, second: Tensor) -> Tensor:
    """LPIPS as the paper's equation 1 has it, layer by layer."""
    from safetensors.torch import load_file

    state, channels = load_file(files["weights"]), torch.load(files["calibration"], weights_only=True)
    steps = [(0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False), (10, 1, 1, False)]
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    maps = [(images - shift.reshape(3, 1, 1)) / scale.reshape(3, 1, 1) for images in (first, second)]
    total = torch.zeros(len(first))
    for layer, (index, stride, padding, pooled) in enumerate(steps):
        weight, bias = (state[f"features.{index}.{name}"] for name in ("weight", "bias"))
        if pooled:
            maps = [F.max_pool2d(values, 3, 2) for values in maps]
        maps = [F.conv2d(values, weight, bias, stride=stride, padding=padding).relu() for values in maps]
        units = [values / (values.norm(dim=1, keepdim=True) + 1e-10) for values in maps]
        difference = (units[0] - units[1]).square() * channels[f"lin{layer}.model.1.weight"]
        total += difference.sum(dim=1).mean(dim=(1, 2))
    return total


def test_squared_distances_of_features_are_lpips(lpips_files: dict[str, str]) -> None:
    network = PerceptualFeatures(**lpips_files)
    first, second = some_images(64, 3), some_images(64, 6)[3:]
    features = [network(images).features for images in (first, second)]
    assert features[0].shape == (3, network.dim)
    ours = (features[0] - features[1]).square().sum(dim=1)
    assert torch.allclose(ours, by_hand(lpips_files, first, second), rtol=1e-4)
    assert (ours > 1e-3).all()


def test_squared_distances_are_those_of_the_package_lpips(lpips_files: dict[str, str]) -> None:
    """The package brings its calibration; the random AlexNet is given to it."""
    lpips: Any = pytest.importorskip("lpips", reason="pip install lpips")
    theirs = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    calibration = Path(lpips.__file__).parent / "weights/v0.1/alex.pth"
    network = PerceptualFeatures(weights=lpips_files["weights"], calibration=str(calibration))
    own = dict(network.features.named_parameters())
    for number in range(1, 6):
        for name, weight in getattr(theirs.net, f"slice{number}").named_parameters():
            weight.data = own[name].clone()
    first, second = some_images(64, 3), some_images(64, 6)[3:]
    with torch.no_grad():
        expected = theirs(first, second).flatten()
    ours = (network(first).features - network(second).features).square().sum(dim=1)
    assert torch.allclose(ours, expected, rtol=1e-4)


def test_diversity_by_lpips_is_its_mean_over_pairs_of_a_caption(lpips_files: dict[str, str]) -> None:
    spec = MetricSpec(
        encode=None,
        image=None,
        tokenizer=None,
        data=None,
        features=Networks(Reference(None, torch.device("cpu"))),
    )
    metric = CaptionDiversity(spec, network=lambda: PerceptualFeatures(**lpips_files), squared=True)
    images = to_eight_bits(some_images(64, 4))
    captions: Sequence[str] = ["a", "a", "b", "b"]
    ((name, value),) = values_of(metric, images, captions).items()
    assert name.startswith("diversity (lpips, ")
    assert name.endswith(", squared, distance)")
    expected = by_hand(lpips_files, images[[0, 2]], images[[1, 3]]).mean()
    assert value == pytest.approx(float(expected), rel=1e-4)


def test_missing_files_are_named_with_their_origin(lpips_files: dict[str, str]) -> None:
    for key, origin in {"weights": "7be5be79", "calibration": "df73285e35b22355"}.items():
        with pytest.raises(RecipeError) as error:
            PerceptualFeatures(**{**lpips_files, key: "nowhere.pth"})
        (problem,) = error.value.problems
        assert problem.code == "no-weights"
        assert origin in str(problem.expected)
    with pytest.raises(RecipeError) as other:
        PerceptualFeatures(weights=lpips_files["weights"], calibration=lpips_files["weights"])
    assert other.value.problems[0].code == "other-weights"
