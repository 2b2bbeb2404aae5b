"""Options of the task `gan` and weights of discriminators from version 1, with which runs were trained."""

from __future__ import annotations

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
import torch
from attnforge_gan.plugin import attnforge_components
from torch import Tensor, nn

from attnforge.build.builder import Builder
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.specs import DiscriminatorSpec
from attnforge.storage.migrating import migrated_network

SOURCE = Path("runs") / "checkpoint"
DEFAULT_AVERAGE = {"decay": 0.999, "half_life": None, "ramp_up": 0, "buffers": "copy"}
DEFAULT_SCHEDULE = {"decay_from": 1, "decay_to": 1, "halve_every": None}


def resolved(folder: Path, options: str, *, pin: str = "@1") -> ResolvedRecipe:
    """The quickstart recipe with another task, which has none of the recipe's options."""
    parent = "extends: quickstart\nphases:\n  gan: null\n"
    (folder / "parent.yaml").write_text(parent)
    text = (
        "extends: parent.yaml\nphases:\n"
        f"  gan: {{task: {{use: gan{pin}, {options}}}, steps: 5, batch_size: 4}}\n"
    )
    (folder / "recipe.yaml").write_text(text)
    return resolve(folder / "recipe.yaml")


def task_of(recipe: ResolvedRecipe) -> dict[str, Any]:
    data: dict[str, Any] = recipe.data()["phases"]["gan"]["task"]
    return data


@pytest.mark.parametrize(
    ("options", "average", "schedule"),
    [
        ("average: 0.99", {"decay": 0.99}, {}),
        ("average: 0", None, {}),
        ("average: 0.0, average_buffers: recompute", None, {}),
        ("average_buffers: recompute", {"buffers": "recompute"}, {}),
        ("average: 0.9, average_buffers: average", {"decay": 0.9, "buffers": "average"}, {}),
        ("decay_from: 0.6", {}, {"decay_from": 0.6}),
        ("decay_from: 0.6, decay_to: 0.1", {}, {"decay_from": 0.6, "decay_to": 0.1}),
        ("betas: [0, 0.9]", {}, {}),
    ],
)
def test_options_side_by_side_became_sections(
    tmp_path: Path, options: str, average: dict[str, Any] | None, schedule: dict[str, float]
) -> None:
    recipe = resolved(tmp_path, options)
    task = task_of(recipe)
    assert task["average"] == (None if average is None else {**DEFAULT_AVERAGE, **average})
    assert task["schedule"] == {**DEFAULT_SCHEDULE, **schedule}
    assert task["betas"] == ([0, 0.9] if "betas" in options else [0.5, 0.999])
    frozen = recipe.frozen()
    assert "gan@2" in frozen
    assert "gan@1" not in frozen
    assert "average_buffers" not in frozen


def test_a_migrated_recipe_equals_one_with_sections(tmp_path: Path) -> None:
    old = resolved(tmp_path, "average: 0.99, average_buffers: recompute, decay_from: 0.6, decay_to: 0.1")
    new = resolved(
        tmp_path,
        "average: {decay: 0.99, buffers: recompute}, schedule: {decay_from: 0.6, decay_to: 0.1}",
        pin="",
    )
    assert old.digest == new.digest


def discriminator(name: str, **options: Any) -> nn.Module:
    """A discriminator as a recipe builds it."""
    (component,) = [one for one in attnforge_components() if (one.kind, one.name) == ("discriminator", name)]
    torch.manual_seed(sum(map(ord, name)))
    build = Builder(component, resolve_name(component.target), {"channels": 2, **options}, "")
    part = build(DiscriminatorSpec(image_size=32, sentence=6))
    assert isinstance(part, nn.Module)
    return part


@pytest.mark.parametrize(
    ("name", "options", "heads"),
    [
        ("joint", {}, ("conditional", "unconditional")),
        ("joint", {"norm": "spectral"}, ("conditional", "unconditional")),
        ("joint", {"unconditional": False}, ("conditional",)),
        ("projection", {}, ("unconditional",)),
    ],
)
def test_weights_of_version_1_load(name: str, options: dict[str, Any], heads: tuple[str, ...]) -> None:
    """Version 1 called the heads `conditional` and `unconditional`."""
    trained, network = discriminator(name, **options), discriminator(name, **options)
    old: dict[str, Tensor] = {}
    for number, (key, value) in enumerate(trained.state_dict().items()):
        module, dot, rest = key.partition(".")
        old[f"{module.removesuffix('_head')}{dot}{rest}"] = value + number
    assert {key.partition(".")[0] for key in old} >= set(heads)
    assert not any("_head" in key for key in old)
    migrated = migrated_network(network, old, {f"discriminator/{name}": 1}, source=SOURCE)
    assert migrated is not None
    network.load_state_dict(migrated)
    for (key, value), expected in zip(network.state_dict().items(), old.values(), strict=True):
        assert torch.equal(value, expected), key


@pytest.mark.parametrize("name", ["joint", "projection"])
def test_weights_of_version_2_are_loaded_as_they_are(name: str) -> None:
    network = discriminator(name)
    versions = {f"discriminator/{name}": 2}
    assert migrated_network(network, network.state_dict(), versions, source=SOURCE) is None
