"""The files of a new plugin: valid for every kind and every name, and never overwriting others."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml
from scaffolding import COMBINATIONS, write_all_kinds

from attnforge.cli.plugins.checks.components import missing_of
from attnforge.errors import PluginError
from attnforge.interfaces import INTERFACES
from attnforge.plugin import KINDS, PluginCatalogue, load_plugins
from attnforge.recipe import resolve
from attnforge.recipe.tree import choices
from attnforge.scaffold import MAX_NAME_LENGTH, Names, name_plugin, project_files, write_project

ROOT = Path(__file__).parents[2]
Kind: TypeAlias = str | tuple[str, int]
"""A kind, or one of the combinations."""
SEVERAL = "several"


@pytest.fixture(scope="module")
def plugins() -> PluginCatalogue:
    return load_plugins()


@pytest.fixture(scope="module")
def written(
    plugins: PluginCatalogue, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[Kind, Names]]:
    """The folder with a plugin of each kind and some of several, and their names by kind."""
    folder = tmp_path_factory.mktemp("written")
    named = write_all_kinds(folder, plugins=plugins)
    for index, kinds in enumerate(COMBINATIONS):
        named[SEVERAL, index] = name_plugin(f"several-{index}", kinds=kinds, plugins=plugins)
        write_project(named[SEVERAL, index], folder)
    return folder, named


def test_the_files_are_in_ruff_s_format_and_pass_its_rules(written: tuple[Path, dict[Kind, Names]]) -> None:
    folder, named = written
    _ruff_finds_nothing(folder, named.values())


def test_so_are_those_with_short_and_long_names(plugins: PluginCatalogue, tmp_path: Path) -> None:
    long = {kind: f"{'n' * (MAX_NAME_LENGTH - len(kind) - 1)}-{kind}" for kind in KINDS}
    long |= {f"bare {kind}": "n" * MAX_NAME_LENGTH for kind in KINDS}
    for place, name in {**long, **{f"short {kind}": "x" for kind in KINDS}}.items():
        kind = place.split()[-1]
        write_project(name_plugin(name, kinds=[kind], plugins=plugins), tmp_path / place.replace(" ", "-"))
    assert len(list(tmp_path.glob("*/*/pyproject.toml"))) == 3 * len(KINDS)
    _ruff("check", "--no-cache", tmp_path)
    _ruff("format", "--no-cache", "--check", tmp_path)


@pytest.mark.long
def test_their_types_hold(written: tuple[Path, dict[Kind, Names]], tmp_path: Path) -> None:
    folder, named = written
    configuration = folder / named["loss"].plugin / "pyproject.toml"
    packages = [folder / names.plugin / names.package for names in named.values()]
    tests = [
        path
        for names in named.values()
        if len(names.parts) == 1  # those of several are the same, and would have the same names
        for path in (folder / names.plugin / "tests").iterdir()
    ]
    flags = ["--config-file", str(configuration), "--cache-dir", str(tmp_path)]
    checked = _run("-m", "mypy", *flags, *map(str, [*packages, *tests]))
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("kind", [*KINDS, *((SEVERAL, index) for index in range(len(COMBINATIONS)))], ids=str)
def test_the_components_are_complete_and_the_recipe_uses_them(
    kind: Kind, written: tuple[Path, dict[Kind, Names]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, named = written
    names = named[kind]
    monkeypatch.syspath_prepend(folder / names.plugin)
    monkeypatch.setenv("ATTNFORGE_PLUGINS", f"{names.plugin}={names.package}.plugin")
    plugins = load_plugins()
    assert [plugin.reason for plugin in plugins.plugins if plugin.reason] == []
    resolved = resolve(names.plugin, plugins=plugins)
    used = {(choice.component.kind, choice.component.name) for choice in choices(resolved.tree)}
    for part in names.parts:
        target = plugins.registry.load(plugins.registry.get(part.kind, part.component))
        assert target.__name__ == part.class_name
        assert missing_of(target, INTERFACES[part.kind]) is None
        if part.kind == "kernel":
            assert part.recipe_name in _strings(resolved.get(""))
        else:
            assert (part.kind, part.component) in used


def test_every_kind_is_in_some_combination() -> None:
    assert {kind for kinds in COMBINATIONS for kind in kinds} == set(KINDS)


def test_a_plugin_of_several_has_a_module_and_tests_for_each(plugins: PluginCatalogue) -> None:
    files = project_files(name_plugin("tried", kinds=["generator", "loss"], plugins=plugins))
    assert {path for path in files if path.endswith(".py")} == {
        *(f"attnforge_tried/{name}.py" for name in ("__init__", "plugin", "generator", "loss")),
        *(f"tests/test_{name}.py" for name in ("generator", "loss")),
    }
    assert "- the loss `tried`: a relativistic adversarial loss\n" in files["README.md"]


def test_where_recipes_differ_the_new_component_wins(plugins: PluginCatalogue) -> None:
    for kinds in (["attention", "stage"], ["stage", "attention"]):
        files = project_files(name_plugin("tried", kinds=kinds, plugins=plugins))
        recipe = yaml.safe_load(files["attnforge_tried/recipes/tried.yaml"])
        refined = {"use": "refine", "attention": "tried", "residual_blocks": 1}
        assert recipe["generator"]["stages"] == ["tried", refined, refined]


def _strings(value: object) -> set[object]:
    if isinstance(value, dict):
        return {text for item in value.values() for text in _strings(item)}
    if isinstance(value, list | tuple):
        return {text for item in value for text in _strings(item)}
    return {value}


@pytest.mark.parametrize(("version", "range_"), [("0.3.1", ">=0.3,<0.4"), ("2.4.0", ">=2.4,<3")])
def test_the_plugin_is_for_versions_up_to_the_next_that_may_break_it(
    version: str, range_: str, plugins: PluginCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attnforge.__version__", version)
    files = project_files(name_plugin("tried-loss", kinds=["loss"], plugins=plugins))
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["dependencies"] == [f"attnforge{range_}", "jaxtyping", "pydantic", "torch"]
    assert project["optional-dependencies"]["testing"] == [f"attnforge[testing]{range_}"]


def test_the_licence_is_attnforge_s_own(plugins: PluginCatalogue) -> None:
    files = project_files(name_plugin("tried-loss", kinds=["loss"], plugins=plugins))
    assert files["LICENSE"] == (ROOT / "LICENSE").read_text()


def test_existing_files_are_not_changed(plugins: PluginCatalogue, tmp_path: Path) -> None:
    names = name_plugin("tried-loss", kinds=["loss"], plugins=plugins)
    (tmp_path / "tried-loss").mkdir()
    (tmp_path / "tried-loss" / "README.md").write_text("mine")
    with pytest.raises(PluginError, match="folder-taken"):
        write_project(names, tmp_path)
    assert [path.name for path in (tmp_path / "tried-loss").iterdir()] == ["README.md"]
    assert (tmp_path / "tried-loss" / "README.md").read_text() == "mine"


def test_an_existing_empty_folder_is_refused(plugins: PluginCatalogue, tmp_path: Path) -> None:
    (tmp_path / "tried-loss").mkdir()
    with pytest.raises(PluginError, match="folder-taken"):
        write_project(name_plugin("tried-loss", kinds=["loss"], plugins=plugins), tmp_path)
    assert list((tmp_path / "tried-loss").iterdir()) == []


def test_a_folder_below_a_file_cannot_be_written_to(plugins: PluginCatalogue, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PluginError, match="plugin-not-written"):
        write_project(name_plugin("tried-loss", kinds=["loss"], plugins=plugins), tmp_path / "file" / "below")


def _ruff_finds_nothing(folder: Path, named: Iterable[Names]) -> None:
    projects = [folder / names.plugin for names in named]
    _ruff("check", "--no-cache", *projects)
    _ruff("format", "--no-cache", "--check", *projects)


def _ruff(command: str, *arguments: str | Path) -> None:
    checked = _run("-m", "ruff", command, *map(str, arguments))
    assert checked.returncode == 0, checked.stdout


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
