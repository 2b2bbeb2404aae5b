"""A plugin that cannot be used is disabled with its reason; all others go on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import small_plugin

from attnforge.plugin import Component, PluginCatalogue, hookimpl, load_plugins
from attnforge.plugin.declared import CORE_COMMANDS

PART = Component("loss", "mine", "small_parts:Term", "a loss")


def module(name: str, **functions: Callable[..., Any]) -> tuple[str, ModuleType]:
    made = ModuleType(name)
    for hook, function in functions.items():
        setattr(made, hook, function)
    return name, made


def declares(*components: object) -> Callable[[], list[object]]:
    @hookimpl
    def attnforge_components() -> list[object]:
        return list(components)

    return attnforge_components


def reason(plugins: PluginCatalogue, name: str) -> str:
    """Why a plugin is disabled, all others being at work."""
    (plugin,) = [plugin for plugin in plugins.plugins if plugin.name == name]
    assert plugin.state == "disabled"
    assert plugin.components == ()
    assert plugin.reason is not None
    assert "birds" in plugins.registry.names("dataset")
    assert not plugins.manager.has_plugin(name)
    return plugin.reason


def beside(*extra: tuple[str, str | ModuleType]) -> PluginCatalogue:
    return load_plugins(extra=[*extra, ("small", small_plugin)], installed=False)


def test_a_plugins_components_are_known_with_their_owner() -> None:
    plugins = beside()
    component = plugins.registry.get("loss", "term")
    assert plugins.owner(component).name == "small"
    assert plugins.owner(component).state == "loaded"


@pytest.mark.parametrize("body", ["import nothing_of_this_name", "1 / 0", "raise SystemExit(3)", "def x(:"])
def test_a_plugin_that_fails_to_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    (tmp_path / "broken_plugin.py").write_text(body)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken_plugin", raising=False)
    assert "importing broken_plugin failed" in reason(beside(("broken", "broken_plugin")), "broken")


def test_a_misspelled_hook_names_the_nearest() -> None:
    @hookimpl
    def attnforge_component() -> list[Component]:
        return []

    said = reason(beside(module("odd", attnforge_component=attnforge_component)), "odd")
    assert "did you mean attnforge_components?" in said


def test_a_hook_without_its_mark() -> None:
    said = reason(beside(module("odd", attnforge_components=list)), "odd")
    assert "@hookimpl" in said


def test_a_hook_with_an_argument_that_there_is_not() -> None:
    @hookimpl
    def attnforge_epoch_end(phase: str, lap: int) -> None:
        raise AssertionError

    said = reason(beside(module("odd", attnforge_epoch_end=attnforge_epoch_end)), "odd")
    assert "lap" in said


def test_a_hook_that_raises() -> None:
    @hookimpl
    def attnforge_commands() -> dict[str, str]:
        raise RuntimeError("no commands today")

    said = reason(
        beside(module("odd", attnforge_components=declares(PART), attnforge_commands=attnforge_commands)),
        "odd",
    )
    assert "no commands today" in said


@pytest.mark.parametrize(
    ("component", "said"),
    [
        (Component("los", "a", "a:B", ""), "did you mean loss?"),
        (Component("loss", "A b", "a:B", ""), "lower-case words"),
        (Component("loss", "a", "a.B", ""), "module:Class"),
        ("loss", "not a Component"),
    ],
)
def test_a_malformed_component(component: object, said: str) -> None:
    assert said in reason(beside(module("odd", attnforge_components=declares(component))), "odd")


def test_a_name_declared_twice_names_both_owners() -> None:
    both = [
        module("first", attnforge_components=declares(PART)),
        module("second", attnforge_components=declares(PART, Component("loss", "other", "a:B", ""))),
    ]
    plugins = beside(*both)
    said = reason(plugins, "second")
    assert "first" in said
    assert "second" in said
    assert plugins.owner(plugins.registry.get("loss", "mine")).name == "first"
    assert "other" not in plugins.registry.names("loss")
    assert "twice" in reason(beside(module("twice", attnforge_components=declares(PART, PART))), "twice")


def test_two_plugins_of_one_name() -> None:
    plugins = load_plugins(
        extra=[("small", small_plugin), module("small", attnforge_components=declares(PART))], installed=False
    )
    assert [plugin.state for plugin in plugins.plugins] == ["loaded", "disabled"]


def test_a_command_declared_twice_names_both_owners() -> None:
    @hookimpl
    def attnforge_commands() -> dict[str, str]:
        return {"serve": "a.b:command"}

    plugins = beside(
        module("first", attnforge_commands=attnforge_commands),
        module("second", attnforge_commands=attnforge_commands),
    )
    assert "first" in reason(plugins, "second")


def test_a_command_of_attnforge_itself_is_taken() -> None:
    from attnforge.cli.group import COMMANDS

    assert set(COMMANDS) == CORE_COMMANDS

    @hookimpl
    def attnforge_commands() -> dict[str, str]:
        return {"doctor": "a.b:command"}

    assert "attnforge's own" in reason(beside(module("odd", attnforge_commands=attnforge_commands)), "odd")


def test_a_range_of_versions_counts_only_where_its_marker_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    (plugin,) = _installed(monkeypatch, "AttnForge>=99; extra == 'later'").plugins
    assert plugin.reason is None


class _Distribution:
    name, version = "other-package", "7"

    def __init__(self, requirement: str) -> None:
        self.requires = ["numpy; extra == 'x'", requirement]


def _installed(monkeypatch: pytest.MonkeyPatch, requirement: str) -> PluginCatalogue:
    class Point(EntryPoint):
        @property
        def dist(self) -> Any:
            return _Distribution(requirement)

    point = Point("other", "small_plugin", "attnforge")
    monkeypatch.setattr("attnforge.plugin.discovery.entry_points", lambda group: [point])
    return load_plugins()


def test_a_plugin_for_another_attnforge(monkeypatch: pytest.MonkeyPatch) -> None:
    (plugin,) = _installed(monkeypatch, "attnforge>=99").plugins
    assert plugin.reason is not None
    assert ">=99" in plugin.reason


def test_an_installed_plugin_carries_its_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    (plugin,) = _installed(monkeypatch, "attnforge>=0.1").plugins
    assert plugin.reason is None
    assert str(plugin) == "other (other-package 7)"


@pytest.mark.parametrize("metadata", [None, "", "garbage"])
def test_a_package_with_damaged_metadata_keeps_nothing_from_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metadata: str | None
) -> None:
    folder = tmp_path / "damaged-1.dist-info"
    folder.mkdir()
    (folder / "entry_points.txt").write_text("[attnforge]\ndamaged = small_plugin\n")
    if metadata is not None:
        (folder / "METADATA").write_text(metadata)
    monkeypatch.syspath_prepend(tmp_path)
    plugins = load_plugins()
    (plugin,) = [plugin for plugin in plugins.plugins if plugin.name == "damaged"]
    assert plugin.state == "loaded"
    assert plugin.version == "unknown"
    assert "cub" in plugins.registry.names("dataset")


def test_attnforges_own_plugins_are_loaded_first() -> None:
    plugins = load_plugins().plugins
    assert {plugin.name for plugin in plugins} >= {"attngan", "folder", "sketch-birds"}
    assert {plugin.reason for plugin in plugins if plugin.distribution == "attnforge"} == {None}
