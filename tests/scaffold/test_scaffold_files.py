"""The files of a new plugin: valid for every kind and every name, and never overwriting others."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from scaffolding import write_all_kinds

from attnforge.cli.plugins.checks.components import missing_of
from attnforge.errors import PluginError
from attnforge.interfaces import INTERFACES
from attnforge.plugin import KINDS, PluginCatalogue, load_plugins
from attnforge.recipe import resolve
from attnforge.scaffold import MAX_NAME_LENGTH, Names, name_plugin, project_files, write_project

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plugins() -> PluginCatalogue:
    return load_plugins()


@pytest.fixture(scope="module")
def written(
    plugins: PluginCatalogue, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Names]]:
    """The folder with a plugin of each kind, and their names."""
    folder = tmp_path_factory.mktemp("written")
    return folder, write_all_kinds(folder, plugins=plugins)


def test_the_files_are_in_ruff_s_format_and_pass_its_rules(written: tuple[Path, dict[str, Names]]) -> None:
    folder, named = written
    _ruff_finds_nothing(folder, named.values())


def test_so_are_those_with_short_and_long_names(plugins: PluginCatalogue, tmp_path: Path) -> None:
    long = {kind: f"{'n' * (MAX_NAME_LENGTH - len(kind) - 1)}-{kind}" for kind in KINDS}
    long |= {f"bare {kind}": "n" * MAX_NAME_LENGTH for kind in KINDS}
    for place, name in {**long, **{f"short {kind}": "x" for kind in KINDS}}.items():
        kind = place.split()[-1]
        write_project(name_plugin(name, kind=kind, plugins=plugins), tmp_path / place.replace(" ", "-"))
    assert len(list(tmp_path.glob("*/*/pyproject.toml"))) == 3 * len(KINDS)
    _ruff("check", "--no-cache", tmp_path)
    _ruff("format", "--no-cache", "--check", tmp_path)


def test_their_types_hold(written: tuple[Path, dict[str, Names]], tmp_path: Path) -> None:
    folder, named = written
    configuration = folder / named["loss"].plugin / "pyproject.toml"
    packages = [folder / names.plugin / names.package for names in named.values()]
    tests = [path for names in named.values() for path in (folder / names.plugin / "tests").iterdir()]
    flags = ["--config-file", str(configuration), "--cache-dir", str(tmp_path)]
    checked = _run("-m", "mypy", *flags, *map(str, [*packages, *tests]))
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_the_component_is_complete_and_the_recipe_uses_it(
    kind: str, written: tuple[Path, dict[str, Names]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, named = written
    names = named[kind]
    monkeypatch.syspath_prepend(folder / names.plugin)
    monkeypatch.setenv("ATTNFORGE_PLUGINS", f"{names.plugin}={names.package}.plugin")
    plugins = load_plugins()
    assert [plugin.reason for plugin in plugins.plugins if plugin.reason] == []
    target = plugins.registry.load(plugins.registry.get(kind, names.component))
    assert target.__name__ == names.class_name
    assert missing_of(target, INTERFACES[kind]) is None
    recipe = folder / names.plugin / names.package / "recipes" / f"{names.plugin}.yaml"
    assert names.recipe_name in _strings(resolve(names.plugin, plugins=plugins).get("")), recipe.read_text()


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
    files = project_files(name_plugin("tried-loss", kind="loss", plugins=plugins))
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["dependencies"] == [f"attnforge{range_}", "jaxtyping", "pydantic", "torch"]
    assert project["optional-dependencies"]["testing"] == [f"attnforge[testing]{range_}"]


def test_the_licence_is_attnforge_s_own(plugins: PluginCatalogue) -> None:
    files = project_files(name_plugin("tried-loss", kind="loss", plugins=plugins))
    assert files["LICENSE"] == (ROOT / "LICENSE").read_text()


def test_existing_files_are_not_changed(plugins: PluginCatalogue, tmp_path: Path) -> None:
    names = name_plugin("tried-loss", kind="loss", plugins=plugins)
    (tmp_path / "tried-loss").mkdir()
    (tmp_path / "tried-loss" / "README.md").write_text("mine")
    with pytest.raises(PluginError, match="folder-taken"):
        write_project(names, tmp_path)
    assert [path.name for path in (tmp_path / "tried-loss").iterdir()] == ["README.md"]
    assert (tmp_path / "tried-loss" / "README.md").read_text() == "mine"


def test_an_existing_empty_folder_is_refused(plugins: PluginCatalogue, tmp_path: Path) -> None:
    (tmp_path / "tried-loss").mkdir()
    with pytest.raises(PluginError, match="folder-taken"):
        write_project(name_plugin("tried-loss", kind="loss", plugins=plugins), tmp_path)
    assert list((tmp_path / "tried-loss").iterdir()) == []


def test_a_folder_below_a_file_cannot_be_written_to(plugins: PluginCatalogue, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PluginError, match="plugin-not-written"):
        write_project(name_plugin("tried-loss", kind="loss", plugins=plugins), tmp_path / "file" / "below")


def _ruff_finds_nothing(folder: Path, named: Iterable[Names]) -> None:
    projects = [folder / names.plugin for names in named]
    _ruff("check", "--no-cache", *projects)
    _ruff("format", "--no-cache", "--check", *projects)


def _ruff(command: str, *arguments: str | Path) -> None:
    checked = _run("-m", "ruff", command, *map(str, arguments))
    assert checked.returncode == 0, checked.stdout


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
