"""A frozen recipe says everything, and resolves to the same recipe."""

from __future__ import annotations

from dataclasses import replace

import yaml
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_recipes import WHOLE, Kitchen, changed

from attnforge.plugin import PluginCatalogue, Registry


def test_freezing_and_resolving_again_gives_the_same_recipe(kitchen: Kitchen) -> None:
    first = kitchen.resolve(WHOLE)
    second = kitchen.resolve(first.frozen())
    assert second.digest == first.digest
    assert second.frozen() == first.frozen()
    assert second.name == first.name == "recipe"


def test_every_default_is_filled_in(kitchen: Kitchen) -> None:
    data = kitchen.resolve(WHOLE).data()
    assert data["text"] == {"use": "reader", "dim": 16, "cell": "lstm"}
    assert data["data"]["root"] == "birds"
    assert data["training"]["workers"] == 0
    assert data["phases"]["match"]["task"] == {"use": "play", "rate": 2e-4, "betas": [0.5, 0.999]}


def test_a_default_that_is_a_partial_is_its_component(kitchen: Kitchen) -> None:
    generator = kitchen.resolve(WHOLE).data()["generator"]
    assert generator["conditioner"] == {"use": "noise", "dim": 6}
    assert generator["widths"] == {"inner": 4, "outer": 8}


def test_a_default_that_yaml_has_no_words_for_is_left_out(kitchen: Kitchen) -> None:
    assert "activation" not in kitchen.resolve(WHOLE).data()["generator"]


def test_the_digest_tells_recipes_apart_and_nothing_else(kitchen: Kitchen) -> None:
    digest = kitchen.resolve(WHOLE).digest
    assert len(digest) == 64
    assert kitchen.resolve("# a comment\n" + WHOLE).digest == digest
    assert kitchen.resolve(WHOLE, "text.cell=lstm").digest == digest
    assert kitchen.resolve(changed("scale: 2", "scale: 2.0")).digest == digest
    assert kitchen.resolve(WHOLE, "text.cell=gru").digest != digest
    swapped = WHOLE.replace("  match: {task: play, steps: 10}\n", "").replace(
        "training:", "  match: {task: play, steps: 10}\ntraining:"
    )
    assert kitchen.resolve(swapped).digest != digest


def test_a_component_of_another_version_needs_a_migration(kitchen: Kitchen) -> None:
    frozen = kitchen.resolve(WHOLE).frozen()
    assert yaml.safe_load(frozen)["lock"]["components"]["attention/glance"]["version"] == 1
    kitchen.plugins = raised(kitchen.plugins, "glance")
    problems = kitchen.problems(frozen)
    assert {problem.code for problem in problems} == {"no-migration"}
    assert all("attention `glance`" in problem.message for problem in problems)
    assert kitchen.resolve(WHOLE).digest != kitchen.resolve(WHOLE, "generator=").digest


def raised(plugins: PluginCatalogue, name: str) -> PluginCatalogue:
    """The same plugins with one component's version raised."""
    changed = [
        replace(part, version=part.version + 1) if part.name == name else part for part in plugins.registry
    ]
    small = replace(plugins.plugins[0], components=tuple(changed))
    return replace(plugins, plugins=(small,), registry=Registry(changed))


def test_the_digest_knows_component_versions(kitchen: Kitchen) -> None:
    before = kitchen.resolve(WHOLE).digest
    kitchen.plugins = raised(kitchen.plugins, "glance")
    assert kitchen.resolve(WHOLE).digest != before


def test_a_component_from_another_distribution_is_refused(kitchen: Kitchen) -> None:
    frozen = kitchen.resolve(WHOLE).frozen().replace("distribution: small", "distribution: large")
    assert {problem.code for problem in kitchen.problems(frozen)} == {"lock-mismatch"}


def test_overrides_of_a_frozen_recipe_are_taken(kitchen: Kitchen) -> None:
    frozen = kitchen.resolve(WHOLE).frozen()
    assert kitchen.resolve(frozen, "data.use=fish", "data.pond=big").data()["data"]["pond"] == "big"


def test_a_lock_that_is_no_map_is_refused(kitchen: Kitchen) -> None:
    assert kitchen.only(WHOLE + "lock: 3\n").code == "wrong-type"


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    summary=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])),
    colours=st.lists(st.sampled_from(["off", "010", "2e-4", "null", "a: b", "#", "é", ""])),
    scale=st.floats(allow_nan=False, allow_infinity=False),
    limits=st.none() | st.dictionaries(st.sampled_from(["on", "1", "x y"]), st.integers()),
)
def test_any_value_survives_freezing(
    kitchen: Kitchen, summary: str, colours: list[str], scale: float, limits: dict[str, int] | None
) -> None:
    from attnforge.recipe.scalars import write

    data = yaml.safe_load(WHOLE.replace("1e-3", "0.001"))
    data |= {"summary": summary, "data": {"use": "birds", "colours": colours, "scale": scale}}
    data["losses"]["first"] = {"use": "term", "limits": limits}
    first = kitchen.resolve(write(data))
    assert first.data()["summary"] == summary
    assert first.data()["data"]["colours"] == colours
    assert first.data()["losses"]["first"]["limits"] == limits
    assert kitchen.resolve(first.frozen()).digest == first.digest
