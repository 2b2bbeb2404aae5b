"""Options that AttnGAN's components took under other names in version 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attnforge.errors import RecipeError
from attnforge.recipe import resolve
from attnforge.recipe.resolved import ResolvedRecipe

VERSION_1 = """\
extends: quickstart
generator: {use: multi-stage@1, pictures: last-stage}
losses:
  damsm: {use: damsm@1, picture_noise: 0.3}
phases:
  damsm:
    task: {use: damsm@1, picture_noise: 0.3, forget_moments: true}
"""
PINS = ("multi-stage@1", "damsm@1", "damsm@1")


def resolved(folder: Path, text: str) -> ResolvedRecipe:
    (folder / "recipe.yaml").write_text(text)
    return resolve(folder / "recipe.yaml")


def test_options_of_version_1_are_renamed(tmp_path: Path) -> None:
    recipe = resolved(tmp_path, VERSION_1)
    data: dict[str, Any] = recipe.data()
    assert data["generator"]["images"] == "last-stage"
    assert data["losses"]["damsm"]["image_noise"] == 0.3
    assert data["phases"]["damsm"]["task"]["image_noise"] == 0.3
    assert data["phases"]["damsm"]["task"]["reset_optimizer"] is True
    frozen = recipe.frozen()
    assert "multi-stage@2" in frozen
    assert not any(name in frozen for name in ("pictures", "picture_noise", "forget_moments", *PINS))


def test_the_migrated_recipe_equals_one_with_the_new_names(tmp_path: Path) -> None:
    renamed = VERSION_1.replace("picture", "image").replace("forget_moments", "reset_optimizer")
    assert resolved(tmp_path, VERSION_1).digest == resolved(tmp_path, renamed.replace("@1", "")).digest


@pytest.mark.parametrize("damsm", ["losses: {damsm:", "phases: {damsm: {task:"])
def test_the_old_name_without_a_pin_suggests_the_new_one(damsm: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        resolved(tmp_path, f"extends: quickstart\n{damsm} {{picture_noise: 0.3}}{'}' * damsm.count('{')}\n")
    (problem,) = caught.value.problems
    assert problem.code == "unknown-key"
    assert "no `picture_noise`" in problem.message
    assert problem.expected is not None
    assert problem.expected.startswith("`image_noise`;")
