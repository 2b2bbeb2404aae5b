"""Several families of timm as image encoders: their own maps, their own pooled heads, their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from attnforge_attngan.image_timm import TimmEncoder
from safetensors.torch import save_file
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.specs import ImageSpec

SPEC = ImageSpec(dim=6, image_size=64)
FAMILIES: dict[str, tuple[dict[str, Any], str, tuple[int, int, int]]] = {
    "resnet10t": ({"channels": [8, 8, 16, 16], "stem_width": 8}, "layer2", (8, 8, 8)),
    "convnext_atto": ({"depths": [1, 1, 1, 1], "dims": [8, 12, 16, 20]}, "stages.2", (16, 4, 4)),
    "mobilenetv3_small_050": ({}, "blocks.1", (16, 8, 8)),
    "regnety_002": ({}, "s2", (56, 8, 8)),
    "swin_tiny_patch4_window7_224": (
        {"img_size": 64, "window_size": 2, "embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2]},
        "layers.2",
        (32, 4, 4),
    ),
    "vit_tiny_patch16_224": (
        {"img_size": 64, "depth": 4, "embed_dim": 24, "num_heads": 3},
        "blocks.2",
        (24, 4, 4),
    ),
}
"""Options that make a network small; the module that ends its stage 2; channels, rows and columns there."""


def whole(model: str, options: dict[str, Any]) -> Any:
    """A network with a classifier, all of its weights far from where they begin."""
    torch.manual_seed(1)
    network = timm.create_model(model, num_classes=7, **options)
    for weight in network.parameters():
        nn.init.kaiming_normal_(weight) if weight.dim() > 1 else nn.init.normal_(weight, 0.5, 0.1)
    return network.eval()


def as_map(value: Tensor, channels: int, side: int) -> Tensor:
    """Tokens or channels-last maps as b c h w."""
    if value.dim() == 3:
        return value[:, -side * side :].transpose(1, 2).reshape(-1, channels, side, side)
    return value if value.shape[1] == channels else value.permute(0, 3, 1, 2)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("model", FAMILIES)
def test_regions_are_of_the_stage_and_the_image_vector_of_the_pooled_head(
    model: str, suffix: str, tmp_path: Path
) -> None:
    options, module, (channels, rows, columns) = FAMILIES[model]
    network, path = whole(model, options), tmp_path / f"weights.{suffix}"
    if suffix == "pth":
        torch.save({"epoch": 3, "state_dict": network.state_dict()}, path)
    else:
        save_file(network.state_dict(), path)
    encoder = TimmEncoder(SPEC, model=model, stage=2, weights=str(path), model_options=options).eval()
    seen: list[Tensor] = []
    network.get_submodule(module).register_forward_hook(lambda _, __, output: seen.append(output))
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.no_grad():
        pooled = network.forward_head(network.forward_features(images), pre_logits=True)
        features = encoder(images)
        regions = encoder.projection.regions(as_map(seen[0], channels, rows))
        image = encoder.projection.image(pooled)
    assert regions.shape == (2, 6, rows, columns)
    torch.testing.assert_close(features.regions, regions)
    torch.testing.assert_close(features.image, image)
    assert not torch.allclose(features.image[0], features.image[1])


def problem(**options: Any) -> Problem:
    with pytest.raises(RecipeError) as raised:
        TimmEncoder(SPEC, **options)
    (found,) = raised.value.problems
    return found


@pytest.mark.parametrize("model", ["vit_tiny_patch16_224", "inception_v3"])
def test_a_network_that_cannot_read_such_images_says_so(model: str) -> None:
    found = problem(model=model)
    assert found.code == "no-regions"
    assert f"{model} has no regions for images of 64 x 64" in found.message
    assert "img_size" in (found.expected or "")


def test_a_transformer_that_was_freed_of_its_size_reads_both() -> None:
    small = {"depth": 2, "embed_dim": 24, "num_heads": 3, "dynamic_img_size": True}
    encoder = TimmEncoder(SPEC, model="vit_tiny_patch16_224", stage=1, model_options=small)
    assert encoder(torch.zeros(1, 3, 64, 64)).regions.shape == (1, 6, 4, 4)
    assert encoder(torch.zeros(1, 3, 96, 96)).regions.shape == (1, 6, 6, 6)


def test_a_file_that_does_not_match_is_reported_name_by_name(tmp_path: Path) -> None:
    options = FAMILIES["convnext_atto"][0]
    state = whole("convnext_atto", options).state_dict()
    state["stem.2.weight"] = state.pop("stem.0.weight")
    state["head.norm.weight"] = torch.ones(3)
    torch.save(state, tmp_path / "other.pth")
    found = problem(model="convnext_atto", model_options=options, weights=str(tmp_path / "other.pth"))
    assert found.code == "other-weights"
    assert "not in the recipe's network: stem.2.weight" in found.message
    assert "missing from the file: stem.0.weight" in found.message
    assert "head.norm.weight (3, in the recipe 20)" in found.message


def test_stages_are_counted_by_each_network() -> None:
    options = FAMILIES["convnext_atto"][0]
    found = problem(model="convnext_atto", stage=4, model_options=options)
    assert (found.code, found.expected) == ("unknown-stage", "0 to 3")


def test_looking_at_a_blank_image_leaves_no_trace() -> None:
    options = FAMILIES["resnet10t"][0]
    torch.manual_seed(5)
    expected = timm.create_model("resnet10t", **options)
    torch.manual_seed(5)
    encoder = TimmEncoder(SPEC, model="resnet10t", model_options=options)
    assert encoder.network.training
    state = encoder.network.state_dict()
    assert all(torch.equal(value, expected.state_dict()[name]) for name, value in state.items())
