"""Building: specs before `*`, options after it, children through builders, and notes on what fails."""

from __future__ import annotations

import traceback
from functools import partial

import pytest
import small_parts
from small_recipes import WHOLE, Kitchen, changed

from attnforge.build import Builder, assemble
from attnforge.recipe.schema import Phase, Recipe, Training


def test_values_are_live_and_slots_are_builders(kitchen: Kitchen) -> None:
    recipe = assemble(kitchen.resolve(WHOLE))
    assert isinstance(recipe, Recipe)
    assert recipe.summary == "small"
    assert isinstance(recipe.training, Training)
    assert recipe.training.seed == 3
    assert recipe.training.workers == 0
    assert list(recipe.phases) == ["match", "draw"]
    assert isinstance(recipe.phases["match"], Phase)
    assert recipe.phases["match"].steps == 10
    assert isinstance(recipe.text, Builder)
    assert recipe.discriminator is None


def test_a_builder_hands_on_the_spec_and_the_options(kitchen: Kitchen) -> None:
    recipe = assemble(kitchen.resolve(WHOLE))
    text = recipe.text("spec")
    assert isinstance(text, small_parts.Reader)
    assert (text.spec, text.dim, text.cell) == (("spec",), 16, "lstm")
    tokenizer = recipe.tokenizer()
    assert isinstance(tokenizer, small_parts.Words)
    data = recipe.data("spec")
    assert isinstance(data, small_parts.Birds)
    assert isinstance(data.colours, tuple)
    assert isinstance(data.scale, float)


def test_parents_build_their_children(kitchen: Kitchen) -> None:
    recipe = assemble(kitchen.resolve(WHOLE))
    assert recipe.generator is not None
    tower = recipe.generator("top")
    assert isinstance(tower, small_parts.Tower)
    first, second, third = tower.stages
    assert first.attention is None
    assert isinstance(second.attention, small_parts.Glance)
    assert (third.attention.spec, third.attention.heads) == (("attend",), 2)
    assert isinstance(tower.conditioner, small_parts.Noise)
    assert tower.conditioner.dim == 6
    assert tower.activation is len


def test_sections_inside_components_are_their_dataclass(kitchen: Kitchen) -> None:
    recipe = assemble(kitchen.resolve(WHOLE, "generator.widths.inner=5"))
    assert recipe.generator is not None
    assert recipe.generator("top").widths == small_parts.Widths(inner=5, outer=8)


def test_a_components_mutable_options_are_its_own(kitchen: Kitchen) -> None:
    recipe = assemble(kitchen.resolve(changed("{use: term, weight: 5}", "{use: term, limits: {a: 1}}")))
    one, other = recipe.losses["second"]("spec"), recipe.losses["second"]("spec")
    assert isinstance(one, small_parts.Term)
    assert isinstance(other, small_parts.Term)
    assert one.limits is not None
    one.limits["a"] = 2
    assert other.limits == {"a": 1}


def test_an_exception_keeps_its_traceback_and_says_where_in_the_recipe_it_rose(kitchen: Kitchen) -> None:
    text = changed("generator:\n  use: tower\n", "generator:\n  use: fragile\n  size: 5\n")
    text = text[: text.index("  stages:")] + text[text.index("losses:") :]
    recipe = assemble(kitchen.resolve(text))
    assert recipe.generator is not None
    with pytest.raises(ArithmeticError, match="size 5 is odd") as caught:
        recipe.generator("spec")
    (note,) = caught.value.__notes__
    assert "generator `fragile`" in note
    assert "small" in note
    assert "recipe.yaml:7:8" in note
    assert traceback.extract_tb(caught.tb)[-1].filename.endswith("small_parts.py")


def test_a_childs_exception_names_each_parent(kitchen: Kitchen) -> None:
    text = WHOLE.replace("use: glance, heads: 2", "use: glance, inner: {use: glance, heads: 2}")
    recipe = assemble(kitchen.resolve(text))
    assert recipe.generator is not None
    original = small_parts.Glance.__init__

    def fails(self: object, spec: object, *, heads: int = 1, inner: object = None) -> None:
        if heads == 2:
            raise ValueError("two heads")
        original(self, spec, heads=heads, inner=inner)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_parts.Glance, "__init__", fails)
        with pytest.raises(ValueError, match="two heads") as caught:
            recipe.generator("spec")
    paths = [note.split(":")[0].removeprefix("while building ") for note in caught.value.__notes__]
    assert paths == [
        "generator.stages.2.attention.inner",
        "generator.stages.2.attention",
        "generator.stages.2",
        "generator",
    ]


def test_from_python_slots_are_classes_and_partials() -> None:
    tower = small_parts.Tower(
        "top", stages=[small_parts.Step, partial(small_parts.Step, attention=small_parts.Stare)]
    )
    assert isinstance(tower.stages[1].attention, small_parts.Stare)
