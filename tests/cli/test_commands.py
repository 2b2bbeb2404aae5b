"""Commands that look at recipes and plugins: what they print, and the code they leave with."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from attnforge.cli import run
from attnforge.cli.group import COMMANDS, group
from attnforge.errors import Problem, RunError
from attnforge.plugin import KINDS
from attnforge.plugin import catalogue as catalogues
from attnforge.recipe import resolve


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    return capsys


def test_help_lists_every_command(said: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    listed = said.readouterr().out
    assert all(f"  {name} " in listed for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, said: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert f"attnforge {name}" in said.readouterr().out


def test_an_unknown_command_is_answered_with_the_nearest(said: pytest.CaptureFixture[str]) -> None:
    assert run(["trian"]) == 2
    assert "'train'" in said.readouterr().err


def test_plugins_as_json(said: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(said.readouterr().out)}
    assert rows["attngan"]["distribution"] == "attnforge"
    assert rows["attngan"]["state"] == "loaded"


def test_components_by_kind_and_glob(said: pytest.CaptureFixture[str]) -> None:
    assert run(["components", "--json"]) == 0
    every = json.loads(said.readouterr().out)
    assert {row["kind"] for row in every} <= set(KINDS)
    assert run(["components", "text-encoder", "bi*", "--json"]) == 0
    some = json.loads(said.readouterr().out)
    assert [row["name"] for row in some] == ["bigru", "bilstm"]
    assert all(row["plugin"] == "attngan" and row["summary"] and row["state"] == "loaded" for row in some)


def test_components_as_a_table_wraps_nothing_in_a_pipe(said: pytest.CaptureFixture[str]) -> None:
    assert run(["components", "--json"]) == 0
    rows = json.loads(said.readouterr().out)
    assert run(["components"]) == 0
    lines = said.readouterr().out.splitlines()
    for row in rows:
        assert any(row["name"] in line and row["summary"] in line for line in lines)


def test_an_unknown_kind(said: pytest.CaptureFixture[str]) -> None:
    assert run(["components", "atention"]) == 1
    shown = said.readouterr().err
    assert "error[unknown-kind]" in shown
    assert "`attention`" in shown


def test_recipes_as_json(said: pytest.CaptureFixture[str]) -> None:
    assert run(["recipes", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(said.readouterr().out)}
    assert rows["quickstart"]["provider"] == "attnforge"
    assert rows["quickstart"]["summary"]


def test_show_and_show_frozen(said: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["show", "quickstart", "training.seed=41"]) == 0
    shown = said.readouterr().out
    assert run(["show", "quickstart", "training.seed=41", "--frozen"]) == 0
    frozen = said.readouterr().out
    digests = set()
    for name, text in (("shown", shown), ("frozen", frozen)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text)
        digests.add(resolve(path).digest)
    assert len(digests) == 1
    assert "lock:" in frozen
    assert "lock:" not in shown


def test_validate_reports_every_recipe(said: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("extends: quickstart\ntraining: {sede: 1}\ntext: {dim: x}\n")
    assert run(["validate", "quickstart", "training.seed=5"]) == 0
    assert "quickstart: ok" in said.readouterr().out
    assert run(["validate", str(bad), "quickstart"]) == 1
    shown = said.readouterr()
    assert "quickstart: ok" in shown.out
    assert "2 problems" in shown.out
    assert "bad.yaml:2:12" in shown.err
    assert "bad.yaml:3:13" in shown.err
    assert "^" in shown.err
    assert "Traceback" not in shown.err


def test_validate_needs_a_recipe(said: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "training.seed=5"]) == 2
    assert run(["validate"]) == 2


def test_schema_is_json(said: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    assert "draft-07" in json.loads(said.readouterr().out)["$schema"]


def command_that_raises(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    @click.command("odd")
    def odd() -> None:
        raise error

    monkeypatch.setattr(type(group), "get_command", lambda *_: odd)


def test_an_error_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, said: pytest.CaptureFixture[str]
) -> None:
    error = RunError(Problem("no-such-run", "there is none", next_step="attnforge train quickstart"))
    error.add_note("while building generator")
    command_that_raises(monkeypatch, error)
    assert run(["train"]) == 1
    shown = said.readouterr()
    assert shown.out == ""
    assert "error[no-such-run]: there is none" in shown.err
    assert "next: attnforge train quickstart" in shown.err
    assert "while building generator" in shown.err
    assert "Traceback" not in shown.err


def test_ctrl_c_leaves_with_130(monkeypatch: pytest.MonkeyPatch, said: pytest.CaptureFixture[str]) -> None:
    command_that_raises(monkeypatch, KeyboardInterrupt())
    assert run(["train"]) == 130


def test_a_plugins_command_is_listed_and_loaded(
    monkeypatch: pytest.MonkeyPatch, said: pytest.CaptureFixture[str]
) -> None:
    found = __import__("attnforge.plugin", fromlist=["load_plugins"]).load_plugins()
    serving = catalogues.Plugin(
        "serving",
        "serving",
        "serving",
        "1",
        commands={"greet": "attnforge.cli.recipes:command", "gone": "nowhere:command", "odd": "json:dumps"},
    )
    changed = catalogues.PluginCatalogue((*found.plugins, serving), found.registry, found.manager)
    monkeypatch.setattr("attnforge.plugin.load_plugins", lambda: changed)
    assert run(["--help"]) == 0
    assert "of serving" in said.readouterr().out
    assert run(["greet"]) == 0
    assert "quickstart" in said.readouterr().out
    assert run(["gone"]) == 1
    assert "command-import" in said.readouterr().err
    assert run(["odd"]) == 1
    assert "not a click command" in said.readouterr().err
