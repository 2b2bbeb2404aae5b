"""Parents: maps merge, lists replace, the nearest value wins, and another component starts anew."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from small_recipes import WHOLE, Kitchen

from attnforge.errors import RecipeError
from attnforge.plugin import hookimpl, load_plugins
from attnforge.recipe import compose


def child(kitchen: Kitchen, text: str) -> dict[str, object]:
    kitchen.write(WHOLE, "parent.yaml")
    path = kitchen.write(f"extends: ./parent.yaml\n{text}")
    return compose(path, plugins=kitchen.plugins).plain()


def test_maps_merge_and_the_nearest_value_wins(kitchen: Kitchen) -> None:
    merged = child(kitchen, "training: {workers: 2}\ntext: {dim: 4, cell: gru}\n")
    assert merged["training"] == {"seed": 3, "workers": 2}
    assert merged["text"] == {"use": "reader", "dim": 4, "cell": "gru"}
    assert merged["image"] == "looker"
    assert "extends" not in merged


def test_lists_replace(kitchen: Kitchen) -> None:
    merged = child(kitchen, "generator: {stages: [step]}\n")
    assert merged["generator"] == {"use": "tower", "stages": ["step"]}


def test_another_component_drops_the_parents_options(kitchen: Kitchen) -> None:
    assert child(kitchen, "data: {use: fish, pond: big}\n")["data"] == {"use": "fish", "pond": "big"}
    assert child(kitchen, "data: fish\n")["data"] == "fish"


def test_the_same_component_keeps_the_parents_options(kitchen: Kitchen) -> None:
    assert child(kitchen, "data: {use: birds, flip: false}\n")["data"] == {
        "use": "birds",
        "scale": 2,
        "flip": False,
    }
    assert child(kitchen, "data: birds\n")["data"] == {"use": "birds", "scale": 2}


def test_options_can_be_given_to_a_parents_bare_name(kitchen: Kitchen) -> None:
    assert child(kitchen, "image: {layers: 2}\n")["image"] == {"use": "looker", "layers": 2}


def test_null_takes_a_named_entry_away(kitchen: Kitchen) -> None:
    kitchen.write(WHOLE, "parent.yaml")
    resolved = kitchen.resolve("extends: ./parent.yaml\nlosses: {first: null}\nphases: {draw: ~}\n")
    assert list(resolved.data()["losses"]) == ["second"]
    assert list(resolved.data()["phases"]) == ["match"]


def test_null_takes_a_whole_map_away_so_that_its_default_holds(kitchen: Kitchen) -> None:
    parent = WHOLE + "pretrained: {text: runs/a}\nsamples: {count: 3}\n"
    kitchen.write(parent, "parent.yaml")
    kept = kitchen.resolve("extends: ./parent.yaml\npretrained: {}\nsamples: {}\n").data()
    assert (kept["pretrained"], kept["samples"]["count"]) == ({"text": "runs/a"}, 3)
    removed = kitchen.resolve("extends: ./parent.yaml\npretrained: null\nsamples: ~\n").data()
    assert removed == kitchen.resolve(WHOLE).data()
    named = kitchen.resolve("extends: ./parent.yaml\npretrained: {text: null, image: runs/b}\n").data()
    assert named["pretrained"] == {"image": "runs/b"}


def test_null_is_refused_where_a_map_is_required_or_where_there_is_none(kitchen: Kitchen) -> None:
    kitchen.write(WHOLE, "parent.yaml")
    for text in ("phases: null", "data: null", "training: {seed: null}"):
        assert kitchen.only(f"extends: ./parent.yaml\n{text}\n").code == "wrong-type"


def test_a_new_phase_stands_where_the_child_writes_it(kitchen: Kitchen) -> None:
    kitchen.write(WHOLE, "parent.yaml")
    first, last = "first: {task: play, steps: 1}", "last: {task: play, steps: 2}"
    for written, order in {
        f"{first}, match: {{steps: 7}}, {last}": ["first", "match", "draw", "last"],
        f"match: null, {first}, {last}, draw: {{epochs: 7}}": ["first", "last", "draw"],
        f"{last}, {first}": ["match", "draw", "last", "first"],
    }.items():
        resolved = kitchen.resolve(f"extends: ./parent.yaml\nphases: {{{written}}}\n")
        assert list(resolved.data()["phases"]) == order


def test_grandparents_and_the_order_of_phases(kitchen: Kitchen) -> None:
    kitchen.write(WHOLE, "oldest.yaml")
    kitchen.write("extends: ./oldest.yaml\nphases: {last: {task: play, steps: 1}}\n", "parent.yaml")
    resolved = kitchen.resolve("extends: parent.yaml\nphases: {match: {steps: 7}}\n")
    assert list(resolved.data()["phases"]) == ["match", "draw", "last"]
    assert resolved.data()["phases"]["match"]["steps"] == 7


def test_a_fault_in_a_parent_has_the_parents_place(kitchen: Kitchen) -> None:
    kitchen.write(WHOLE.replace("scale: 2", "scael: 2"), "parent.yaml")
    problem = kitchen.only("extends: ./parent.yaml\ntraining: {seed: 4}\n")
    assert problem.place is not None
    assert Path(problem.place.source).name == "parent.yaml"
    assert problem.place.line == 2


def test_a_circle_is_named(kitchen: Kitchen) -> None:
    kitchen.write("extends: ./recipe.yaml\n", "other.yaml")
    problem = kitchen.only("summary: x\nextends: ./other.yaml\n")
    assert problem.code == "extends-cycle"
    assert problem.message.count("recipe.yaml") == 2
    assert problem.place is not None
    assert Path(problem.place.source).name == "other.yaml"
    assert kitchen.only("extends: ./recipe.yaml\n").code == "extends-cycle"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("extends: ./nobody.yaml", "unknown-recipe"),
        ("extends: nobody", "unknown-recipe"),
        ("extends: [a, b]", "bad-extends"),
        ("extends:", "bad-extends"),
        ("extends: .", "unknown-recipe"),
        ('extends: "a\\0/b"', "unknown-recipe"),
    ],
)
def test_a_bad_parent_is_refused_at_its_line(kitchen: Kitchen, line: str, code: str) -> None:
    problem = kitchen.only(f"summary: x\n{line}\n")
    assert problem.code == code
    assert problem.place is not None
    assert problem.place.line == 2


def test_a_plugins_recipe_is_known_by_name(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(WHOLE)
    (tmp_path / "smaller.yaml").write_text("extends: small\ntraining: {seed: 9}\n")

    @hookimpl
    def attnforge_recipes() -> list[Path]:
        return [tmp_path]

    module = ModuleType("shipping")
    module.attnforge_recipes = attnforge_recipes  # type: ignore[attr-defined]
    plugins = load_plugins(extra=[("shipping", module)], installed=False)
    composed = compose("smaller", plugins=plugins)
    assert composed.name == "smaller"
    assert composed.plain()["training"] == {"seed": 9}
    with pytest.raises(RecipeError, match="`small`"):
        compose("smal", plugins=plugins)
