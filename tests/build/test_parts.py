"""The parts of a recipe: what they need of one another is said when it is missing."""

from __future__ import annotations

import pytest
import torch

from attnforge.build import assemble
from attnforge.build.parts import Parts
from attnforge.errors import RecipeError
from attnforge.recipe import resolve

WITHOUT_A_GENERATOR = ("generator=null", "discriminator=null", "phases.gan=null")


def parts(*overrides: str) -> Parts:
    recipe = assemble(resolve("quickstart", overrides=[*WITHOUT_A_GENERATOR, *overrides]))
    tokenizer = recipe.tokenizer()
    tokenizer.fit(["a red bird"])
    return Parts(recipe, tokenizer=tokenizer, device=torch.device("meta"))


def test_without_a_generator_a_phase_says_how_large_images_are() -> None:
    assert parts("phases.damsm.image_size=48").image_size == 48


def test_a_recipe_that_says_no_size_is_refused() -> None:
    with pytest.raises(RecipeError) as caught:
        _ = parts("phases.damsm.image_size=null").image_size
    assert [problem.code for problem in caught.value.problems] == ["no-image-size"]
