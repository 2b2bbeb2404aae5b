"""`requires:` of recipes: packages that are missing are told before components are looked up."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator
from small_recipes import WHOLE, Kitchen

from attnforge.recipe import compose
from attnforge.recipe.json_schema import json_schema

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes a package that `importlib.metadata` finds, and that holds nothing."""

    def make(name: str, version: str) -> None:
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()

    return make


def test_a_missing_package_is_told_with_its_place_and_the_line_to_type(kitchen: Kitchen) -> None:
    problem = kitchen.only('requires: ["attnforge-gated>=0.2"]\n' + WHOLE)
    assert problem.code == "missing-requirement"
    assert problem.next_step == 'pip install "attnforge-gated>=0.2"'
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (1, 12)


def test_components_of_a_missing_package_are_not_told_as_well(kitchen: Kitchen) -> None:
    text = 'requires: ["attnforge-gated>=0.2"]\n' + WHOLE.replace("attention: glance}", "attention: gated}")
    assert kitchen.only(text).code == "missing-requirement"


def test_another_version_is_reported(kitchen: Kitchen, install: Install) -> None:
    install("attnforge-gated", "0.1.9")
    problem = kitchen.only("requires: [attnforge-gated>=0.2]\n" + WHOLE)
    assert problem.code == "missing-requirement"
    assert "version 0.1.9 is installed" in problem.message


@pytest.mark.parametrize(
    "line",
    [
        "attnforge-gated>=0.2",
        "Attnforge_Gated",
        "attnforge-gated>=0.2,<1",
        "absent; python_version < '3'",
        "attnforge",
    ],
)
def test_what_is_installed_is_enough(kitchen: Kitchen, install: Install, line: str) -> None:
    install("attnforge-gated", "0.3.0.dev1")
    assert kitchen.resolve(f'requires: ["{line}"]\n' + WHOLE).digest == kitchen.resolve(WHOLE).digest


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("[attnforge gated]", "bad-requirement"),
        ('["gated @ https://example.org/gated.whl"]', "bad-requirement"),
        ("[3]", "bad-requirement"),
        ("attnforge-gated", "wrong-type"),
        ("{attnforge-gated: 0.2}", "wrong-type"),
    ],
)
def test_what_is_no_requirement_has_its_place(kitchen: Kitchen, value: str, code: str) -> None:
    problem = kitchen.only(f"requires: {value}\n" + WHOLE)
    assert problem.code == code
    assert problem.place is not None
    assert problem.place.line == 1


def test_a_child_adds_to_what_its_parent_requires(kitchen: Kitchen) -> None:
    kitchen.write("requires: [one-missing>=1]\n" + WHOLE, "parent.yaml")
    child = "extends: parent.yaml\nrequires: [other-missing, one-missing>=1]\n"
    problems = kitchen.problems(child)
    assert {problem.code for problem in problems} == {"missing-requirement"}
    assert [Path(str(problem.place).partition(":")[0]).name for problem in problems] == [
        "parent.yaml",
        "recipe.yaml",
        "recipe.yaml",
    ]
    shown = compose(kitchen.write(child), plugins=kitchen.plugins).plain()
    assert shown["requires"] == ["one-missing>=1", "other-missing"]


def test_requirements_belong_to_a_file(kitchen: Kitchen) -> None:
    assert kitchen.only(WHOLE, "requires=[attnforge]").code == "bad-override"


def packaged(kitchen: Kitchen, name: str, version: str) -> None:
    plugin = replace(kitchen.plugins.plugins[0], distribution=name, version=version)
    kitchen.plugins = replace(kitchen.plugins, plugins=(plugin,))


@pytest.mark.parametrize(
    ("said", "installed", "pinned"),
    [
        (None, "0.3.1", ["attnforge-gated>=0.3.1"]),
        ("attnforge-gated>=0.2", "0.3.1", ["attnforge-gated>=0.3.1"]),
        ("attnforge.gated<1", "0.3+cpu", ["attnforge.gated<1,>=0.3"]),
        ("attnforge>=0.0.1", "0.3", ["attnforge>=0.0.1", "attnforge-gated>=0.3"]),
    ],
)
def test_a_frozen_recipe_requires_who_provides_its_components(
    kitchen: Kitchen, install: Install, said: str | None, installed: str, pinned: list[str]
) -> None:
    install("attnforge-gated", installed)
    packaged(kitchen, "attnforge-gated", installed)
    text = (f"requires: ['{said}']\n" if said else "") + WHOLE
    first = kitchen.resolve(text)
    assert yaml.safe_load(first.frozen())["requires"] == pinned
    again = kitchen.resolve(first.frozen())
    assert (again.digest, again.frozen()) == (first.digest, first.frozen())


def test_a_frozen_recipe_of_attnforge_alone_requires_nothing(kitchen: Kitchen) -> None:
    packaged(kitchen, "attnforge", "0.1.0")
    assert "requires" not in yaml.safe_load(kitchen.resolve(WHOLE).frozen())


def test_a_frozen_recipe_without_its_package_names_the_line(kitchen: Kitchen, install: Install) -> None:
    install("attnforge-gated", "0.3")
    packaged(kitchen, "attnforge-gated", "0.4")
    problem = kitchen.only(kitchen.resolve(WHOLE).frozen())
    assert (problem.code, problem.next_step) == ("missing-requirement", 'pip install "attnforge-gated>=0.4"')


def test_editors_know_requirements_and_pins(kitchen: Kitchen) -> None:
    check = Draft7Validator(json_schema(kitchen.plugins))
    data = yaml.safe_load(WHOLE.replace("1e-3", "0.001")) | {"requires": ["attnforge>=0.1"]}
    data["text"]["use"], data["image"] = "reader@1", "looker@2"
    assert check.is_valid(data)
    assert not check.is_valid(data | {"requires": "attnforge"})
    assert not check.is_valid(data | {"image": "looker@"})
