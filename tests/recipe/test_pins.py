"""Pinned components: read, kept, migrated to what is installed, or refused with what to do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import yaml
from small_recipes import WHOLE, Kitchen, changed

from attnforge.errors import RecipeError
from attnforge.plugin import Component, PluginCatalogue, Registry
from attnforge.recipe import compose

OPTIONS = "aged_migrations:ATTENTION"
LAST = """\
    - use: step
      attention: {use: glance@1, temperature: 4.0}  # cold
"""
NEW = WHOLE.replace(", heads: 2", "")
OLD = WHOLE.replace("    - use: step\n      attention: {use: glance, heads: 2}\n", LAST)


def aged(
    plugins: PluginCatalogue, name: str, target: str, version: int, migrations: str | None
) -> PluginCatalogue:
    """The same plugins with one component in another version."""
    parts = [
        replace(part, target=target, version=version, migrations=migrations) if part.name == name else part
        for part in plugins.registry
    ]
    small = replace(plugins.plugins[0], components=tuple(parts))
    return replace(plugins, plugins=(small,), registry=Registry(parts))


@pytest.fixture
def raised(kitchen: Kitchen) -> Kitchen:
    """A kitchen whose attention `glance` is version 3 of the aged attention."""
    kitchen.plugins = aged(kitchen.plugins, "glance", "aged_parts:Attention", 3, OPTIONS)
    return kitchen


def with_migrations(kitchen: Kitchen, migrations: str | None) -> Kitchen:
    kitchen.plugins = aged(kitchen.plugins, "glance", "small_parts:Glance", 2, migrations)
    return kitchen


def last_attention(data: dict[str, object]) -> object:
    return data["generator"]["stages"][2]["attention"]  # type: ignore[index]


def test_frozen_recipes_pin_every_component(kitchen: Kitchen) -> None:
    data = yaml.safe_load(kitchen.resolve(WHOLE).frozen())
    assert data["text"]["use"] == "reader@1"
    assert data["generator"]["stages"][1]["attention"]["use"] == "glance@1"
    assert data["generator"]["conditioner"] == {"use": "noise@1", "dim": 6}


def test_a_pin_of_the_installed_version_changes_nothing(kitchen: Kitchen) -> None:
    pinned = changed("image: looker", "image: looker@1").replace("use: tower", "use: tower@1")
    assert kitchen.resolve(pinned).digest == kitchen.resolve(WHOLE).digest
    assert (
        kitchen.resolve(WHOLE, "image=looker@1", "text.use=reader@1").digest == kitchen.resolve(WHOLE).digest
    )


def test_the_digest_and_the_data_know_no_pins(kitchen: Kitchen) -> None:
    assert kitchen.resolve(WHOLE).data()["image"] == {"use": "looker", "layers": None}


def test_a_child_names_its_parents_pinned_component_without_the_pin(kitchen: Kitchen) -> None:
    kitchen.write(kitchen.resolve(WHOLE).frozen(), "parent.yaml")
    child = kitchen.resolve("extends: parent.yaml\ntext: {use: reader, cell: gru}\nimage: looker@1\n")
    assert child.data()["text"] == {"use": "reader", "dim": 16, "cell": "gru"}


def test_an_older_pin_is_migrated_in_the_order_of_versions(raised: Kitchen) -> None:
    data = raised.resolve(OLD).data()
    assert last_attention(data) == {"use": "glance", "scale": 0.25, "rounds": 1}


def test_what_is_migrated_is_shown(raised: Kitchen) -> None:
    shown = compose(raised.write(OLD), plugins=raised.plugins).plain()
    assert last_attention(shown) == {"use": "glance@3", "scale": 0.25, "rounds": 1}


def test_a_bare_pinned_name_is_migrated(raised: Kitchen) -> None:
    bare = OLD.replace("{use: step, attention: glance}", "{use: step, attention: glance@2}")
    shown = compose(raised.write(bare), plugins=raised.plugins).plain()
    stages = shown["generator"]["stages"]  # type: ignore[index]
    assert stages[1]["attention"] == {"use": "glance@3", "rounds": 1}


def test_a_text_that_looks_like_a_pin_stays_a_text(raised: Kitchen) -> None:
    text = OLD.replace("scale: 2}", "scale: 2, colours: [glance@1]}").replace(
        "summary: small", "summary: glance@1"
    )
    data = raised.resolve(text).data()
    assert (data["data"]["colours"], data["summary"]) == (["glance@1"], "glance@1")


def test_a_recipe_frozen_before_pins_is_migrated_by_its_lock(kitchen: Kitchen) -> None:
    old = aged(kitchen.plugins, "glance", "aged_parts:AgedAttention", 1, None)
    new = aged(kitchen.plugins, "glance", "aged_parts:Attention", 3, OPTIONS)
    kitchen.plugins = old
    text = OLD.replace("glance@1", "glance")
    frozen = kitchen.resolve(text).frozen().replace("@1", "")
    assert "glance@" not in frozen
    kitchen.plugins = new
    assert last_attention(kitchen.resolve(frozen).data()) == {"use": "glance", "scale": 0.25, "rounds": 1}


def test_a_migrated_recipe_is_the_one_that_says_the_new_options(raised: Kitchen) -> None:
    new = OLD.replace("glance@1, temperature: 4.0", "glance, scale: 0.25")
    assert raised.resolve(OLD).digest == raised.resolve(new).digest


def test_a_pin_holds_for_the_options_of_its_own_file(raised: Kitchen) -> None:
    left = "  sides: {left: {use: step, attention: {use: glance@1, temperature: 2.0}}}\n"
    raised.write(NEW.replace("  stages:", left + "  stages:"), "parent.yaml")
    child = raised.resolve("extends: parent.yaml\ngenerator: {sides: {left: {attention: {rounds: 5}}}}\n")
    attention = child.data()["generator"]["sides"]["left"]["attention"]
    assert attention == {"use": "glance", "scale": 0.5, "rounds": 5}


def test_a_pin_inside_a_map_whose_component_the_parent_names(raised: Kitchen) -> None:
    raised.write(NEW, "parent.yaml")
    left = "{use: step, attention: {use: glance@1, temperature: 5.0}}"
    child = raised.resolve(f"extends: parent.yaml\ngenerator: {{sides: {{left: {left}}}}}\n")
    assert child.data()["generator"]["sides"]["left"]["attention"]["scale"] == 0.2


def test_an_override_may_be_pinned(raised: Kitchen) -> None:
    laid = "generator.stages.1.attention={use: glance@1, temperature: 2.0}"
    data = raised.resolve(NEW, laid).data()
    assert data["generator"]["stages"][1]["attention"]["scale"] == 0.5


def test_values_that_a_migration_only_renames_keep_their_place(kitchen: Kitchen) -> None:
    with_migrations(kitchen, "aged_migrations:RENAMES")
    text = WHOLE.replace("{use: glance, heads: 2}", "{use: glance@1, heads: 2}")
    problem = kitchen.only(text)
    assert (problem.code, problem.message) == ("unknown-key", "attention `glance` has no `new_heads`")
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (12, 34)


@pytest.mark.parametrize(
    "pin", ["glance@", "glance@0", "glance@x", "glance@-1", "glance@1@2", "'@1'", "glance@01"]
)
def test_a_malformed_pin_has_its_place(kitchen: Kitchen, pin: str) -> None:
    problem = kitchen.only(changed("attention: glance}", f"attention: {pin}}}"))
    assert problem.code == "bad-pin"
    assert problem.place is not None
    assert problem.place.line == 10


def test_a_newer_pin_asks_for_a_newer_package(kitchen: Kitchen) -> None:
    problem = kitchen.only(changed("image: looker", "image: looker@4"))
    assert problem.code == "component-too-new"
    assert problem.next_step == "pip install --upgrade small"
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (5, 8)


def test_a_newer_frozen_recipe_asks_for_the_package_it_was_frozen_with(kitchen: Kitchen) -> None:
    newer = aged(kitchen.plugins, "looker", "small_parts:Looker", 2, None)
    packaged = replace(newer.plugins[0], distribution="attnforge-small", version="0.7.1")
    installed = kitchen.plugins
    kitchen.plugins = replace(newer, plugins=(packaged,))
    frozen = kitchen.resolve(WHOLE).frozen()
    frozen = frozen.replace("requires: [attnforge-small>=0.7.1]\n", "")
    kitchen.plugins = replace(
        installed, plugins=(replace(installed.plugins[0], distribution="attnforge-small", version="0.6"),)
    )
    problem = kitchen.only(frozen)
    assert problem.code == "component-too-new"
    assert problem.next_step == 'pip install "attnforge-small>=0.7.1"'
    unpinned = frozen.replace("@2", "").replace("@1", "")
    assert kitchen.only(unpinned).code == "component-too-new"


@pytest.mark.parametrize(
    ("migrations", "code", "said"),
    [
        (None, "no-migration", "from version 1 to 2"),
        ("aged_migrations:TOKENIZER", None, ""),
        ("aged_migrations:RAISES", "migration-failed", "KeyError: 'missing'"),
        ("aged_migrations:NO_DICT", "migration-failed", "a str, not a dict"),
        ("aged_migrations:NO_DATA", "migration-failed", "cannot be expressed in a recipe"),
        ("aged_migrations:NOT_MIGRATIONS", "migration-failed", "not a Migration"),
        ("aged_migrations:ABSENT", "migration-failed", "AttributeError"),
        ("aged_nowhere:MIGRATIONS", "migration-failed", "ModuleNotFoundError"),
    ],
)
def test_what_cannot_be_migrated_has_its_place(
    kitchen: Kitchen, migrations: str | None, code: str | None, said: str
) -> None:
    with_migrations(kitchen, migrations)
    text = WHOLE.replace("{use: glance, heads: 2}", "{use: glance@1, heads: 2}")
    if code is None:
        assert last_attention(kitchen.resolve(text).data())["heads"] == 2  # type: ignore[index]
        return
    problem = kitchen.only(text)
    assert problem.code == code
    assert said in problem.message
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (12, 24)


def test_everything_that_cannot_be_migrated_is_told_at_once(kitchen: Kitchen) -> None:
    frozen = kitchen.resolve(WHOLE).frozen()
    with_migrations(kitchen, None)
    with pytest.raises(RecipeError) as caught:
        kitchen.resolve(frozen)
    assert [problem.code for problem in caught.value.problems] == ["no-migration", "no-migration"]


@pytest.mark.parametrize("version", [0, -1, True, "1", 1.0])
def test_a_component_has_a_version_that_a_pin_can_name(version: object) -> None:
    with pytest.raises(ValueError, match="positive integer"):
        Component("loss", "odd", "m:C", "odd", version)  # type: ignore[arg-type]


def test_migrations_are_named_by_module_and_name() -> None:
    with pytest.raises(ValueError, match="module:NAME"):
        Component("loss", "odd", "m:C", "odd", 2, "m.MIGRATIONS")


def test_pins_of_installed_versions_are_read_without_torch(kitchen: Kitchen) -> None:
    path = kitchen.write("extends: quickstart\nimage: {use: timm@1}\n")
    code = (
        "import sys; from attnforge.recipe import compose; "
        f"print(compose({str(path)!r}).plain()['image']['use'], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["timm@1", "False"]
