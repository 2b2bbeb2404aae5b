"""`attnforge import` and `attnforge export`: groups of the core that plugins fill."""

from __future__ import annotations

from types import ModuleType

import click
import pytest

from attnforge.cli import run
from attnforge.plugin import PluginCatalogue, hookimpl, load_plugins

KIND = "import toy"


@click.command("toy")
@click.option("--file", required=True)
def toy(file: str) -> None:
    """Read a toy."""
    click.echo(f"read {file}")


def plugin(command: str) -> ModuleType:
    module = ModuleType("toys")

    @hookimpl
    def attnforge_commands() -> dict[str, str]:
        return {command: "toys:toy"}

    module.attnforge_commands = attnforge_commands  # type: ignore[attr-defined]
    module.toy = toy  # type: ignore[attr-defined]
    return module


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> PluginCatalogue:
    module = plugin(KIND)
    monkeypatch.setitem(__import__("sys").modules, "toys", module)
    found = load_plugins(extra=[("toys", module)])
    monkeypatch.setattr("attnforge.plugin.load_plugins", lambda: found)
    return found


@pytest.mark.usefixtures("toys")
def test_a_plugins_reader_stands_below_import_and_nowhere_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", "toy", "--file", "x"]) == 0
    assert capsys.readouterr().out == "read x\n"
    assert run(["import", "--help"]) == 0
    assert "Read a toy." in capsys.readouterr().out
    assert run(["--help"]) == 0
    assert "toy" not in capsys.readouterr().out
    assert run(["export", "toy"]) == 2
    assert "toy" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["import two words", "serve toy", "import", "Import toy"])
def test_other_names_of_two_words_and_names_of_families_are_disabled(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = load_plugins(extra=[("toys", plugin(name))], installed=False).plugins[-1]
    assert name in str(loaded.reason)


def test_attngan_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    for family in ("import", "export"):
        assert run([family, "attngan", "--help"]) == 0
        assert f"attnforge {family} attngan" in capsys.readouterr().out
