"""Plugins that the environment adds and blocks, and `--no-plugin`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from attnforge.cli import run
from attnforge.errors import PluginError
from attnforge.plugin import PluginCatalogue, load_plugins

MINE = """\
from attnforge.plugin import Component, hookimpl

@hookimpl
def attnforge_components():
    return [Component("loss", "mine", "mine_parts:Mine", "a loss")]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with a plugin's module that no package installed."""
    (tmp_path / "mine_plugin.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine_plugin", raising=False)
    return tmp_path


def states(plugins: PluginCatalogue) -> dict[str, str]:
    return {plugin.name: plugin.state for plugin in plugins.plugins}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "name"), [("mine_plugin", "mine_plugin"), (" other=mine_plugin ,", "other")]
)
def test_a_module_of_the_environment_is_loaded_after_the_installed(
    monkeypatch: pytest.MonkeyPatch, text: str, name: str
) -> None:
    monkeypatch.setenv("ATTNFORGE_PLUGINS", text)
    plugins = load_plugins()
    assert plugins.plugins[-1].name == name
    assert plugins.owner(plugins.registry.get("loss", "mine")).name == name
    assert name not in states(load_plugins(installed=False))


def test_a_module_that_is_not_there_hints_at_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNFORGE_PLUGINS", "nothing_of_this_name")
    reason = load_plugins().plugins[-1].reason
    assert reason is not None
    assert "nothing_of_this_name" in reason
    assert "PYTHONPATH" in reason


@pytest.mark.parametrize("text", ["my-module", "=module", "name=", "a=b=c", "a.b:c"])
def test_an_entry_that_names_no_module(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ATTNFORGE_PLUGINS", f"small_plugin,{text}")
    with pytest.raises(PluginError) as caught:
        load_plugins()
    (problem,) = caught.value.problems
    assert problem.code == "bad-plugin-list"
    assert text in problem.message


def test_blocked_plugins_are_disabled_and_never_imported(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    (folder / "loud_plugin.py").write_text("raise AssertionError('imported')\n")
    monkeypatch.setenv("ATTNFORGE_PLUGINS", "loud=loud_plugin")
    monkeypatch.setenv("ATTNFORGE_BLOCK", "cub, loud")
    plugins = load_plugins()
    reasons = {plugin.name: plugin.reason for plugin in plugins.plugins if plugin.reason}
    assert set(reasons) == {"cub", "loud"}
    assert all("ATTNFORGE_BLOCK" in reason for reason in reasons.values())
    assert "cub" not in plugins.registry.names("dataset")


def test_what_only_a_blocked_plugin_has_leads_to_the_list_of_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNFORGE_BLOCK", "cub")
    with pytest.raises(PluginError) as caught:
        load_plugins().registry.get("dataset", "cub")
    assert caught.value.problems[0].next_step == "attnforge plugins, because these are disabled: cub"


def test_an_unknown_name_is_an_error_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNFORGE_BLOCK", "cubb,coco,nobody")
    with pytest.raises(PluginError) as caught:
        load_plugins()
    assert [problem.code for problem in caught.value.problems] == ["unknown-plugin"] * 2
    assert "`cub`" in str(caught.value.problems[0].expected)
    assert load_plugins(installed=False).plugins == ()


def test_no_plugin_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--no-plugin", "cub", "--no-plugin", "coco", "components", "dataset"]) == 0
    shown = capsys.readouterr().out
    assert "folder" in shown
    assert "cub" not in shown
    assert "coco" not in shown
    assert run(["components", "dataset"]) == 0
    assert "cub" in capsys.readouterr().out


def test_no_plugin_adds_to_what_is_blocked_and_is_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATTNFORGE_BLOCK", "coco")
    assert run(["--no-plugin", "cub", "plugins"]) == 0
    assert capsys.readouterr().out.count("disabled") == 2
    assert os.environ["ATTNFORGE_BLOCK"] == "coco"
    assert run(["--no-plugin", "cub", "no-such-command"]) == 2
    assert os.environ["ATTNFORGE_BLOCK"] == "coco"
    monkeypatch.delenv("ATTNFORGE_BLOCK")
    assert run(["--no-plugin", "cub", "--help"]) == 0
    assert "ATTNFORGE_BLOCK" not in os.environ


def test_no_plugin_with_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--no-plugin", "cubb", "plugins"]) == 1
    said = capsys.readouterr().err
    assert "error[unknown-plugin]" in said
    assert "`cub`" in said


def test_commands_of_a_blocked_plugin_are_gone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--no-plugin", "attngan", "import", "attngan", "--help"]) == 2
    assert "attngan" in capsys.readouterr().err


def test_processes_that_a_command_starts_see_the_same_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    import click

    from attnforge.cli.group import group

    @click.command("child")
    def child() -> None:
        code = (
            "from attnforge.plugin import load_plugins; "
            "print(','.join(p.name for p in load_plugins().plugins if p.reason))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        seen.append(done.stdout.strip())

    seen: list[str] = []
    monkeypatch.setattr(type(group), "get_command", lambda *_: child)
    assert run(["--no-plugin", "cub", "components"]) == 0
    assert seen == ["cub"]
