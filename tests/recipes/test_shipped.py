"""Every recipe that ships is right, can be frozen and built, and is as large as it should be."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from attnforge.build import assemble
from attnforge.build.parts import Parts
from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.recipe.library import library

pytestmark = pytest.mark.filterwarnings("ignore:the image encoder:UserWarning")

RECIPES = sorted(recipe.name for recipe in library(load_plugins()))


def built(name: str) -> Parts:
    recipe = assemble(resolve(name))
    tokenizer = recipe.tokenizer()
    tokenizer.fit(["a red bird with blue wings"])
    return Parts(recipe, tokenizer=tokenizer, device=torch.device("meta"))


def size(network: object) -> int:
    assert isinstance(network, nn.Module)
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", RECIPES)
def test_freezing_keeps_the_digest(name: str, tmp_path: Path) -> None:
    resolved = resolve(name)
    frozen = tmp_path / "frozen.yaml"
    frozen.write_text(resolved.frozen())
    assert resolve(frozen).digest == resolved.digest
    assert resolved.data()["summary"]


@pytest.mark.parametrize("name", RECIPES)
def test_every_task_gets_the_parts_that_it_needs(name: str) -> None:
    parts = built(name)
    for phase in parts.recipe.phases.values():
        needs = phase.task.target.needs  # type: ignore[attr-defined]
        task = phase.task(parts.task_spec(needs))
        assert {"text", "image"} <= set(task.networks())
        assert task.optimizers()


def test_attngan_has_the_size_of_the_official_birds_model() -> None:
    parts = built("attngan")
    assert size(parts.generator) == 7_084_592
    assert [size(judge) for judge in parts.discriminators] == [6_313_730, 19_424_002, 71_858_946]
    assert parts.image_size == 256
