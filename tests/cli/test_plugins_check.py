"""`attnforge plugins check`: each check passes for what ships and fails for what breaks it."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from attnforge.cli import run
from attnforge.plugin import fresh

GOOD = """\
from pathlib import Path
from attnforge.plugin import Component, hookimpl

@hookimpl
def attnforge_components():
    names = "whole vanished mute bare loose specless short odd untyped schemaless unexplained".split()
    return [
        Component("loss", name, f"checked_parts:{name.title()}", "" if name == "mute" else "a loss")
        for name in names
    ] + [
        Component("loss", name, "checked_parts:Whole", "a loss", 2, f"checked_parts:{steps}")
        for name, steps in (("raised", "MIGRATIONS"), ("stuck", "NO_MIGRATIONS"))
    ]

@hookimpl
def attnforge_recipes():
    return [Path(__file__).parent / "recipes", Path(__file__).parent / "nothing"]

@hookimpl
def attnforge_commands():
    return {name: f"checked_parts:{name}" for name in ("helped", "helpless", "gone")}
"""

PARTS = '''\
from collections.abc import Callable

import click
from attnforge.plugin import Migration

class Plain:
    def __init__(self, spec) -> None: ...
    def generator(self, game): ...
    def discriminator(self, game): ...

class Whole(Plain):
    """A loss.

    Args:
        weight: Scales it.
    """

    def __init__(self, spec, *, weight: float = 1.0) -> None: ...

class Mute(Plain):
    """Has no summary."""

class Bare(Plain):
    ...

class Loose(Plain):
    """Takes anything."""

    def __init__(self, spec, **options: float) -> None: ...

class Specless(Plain):
    """Takes no spec."""

    def __init__(self) -> None: ...

class Short:
    """Lacks a method."""

    def __init__(self, spec) -> None: ...
    def generator(self, game): ...

class Odd(Plain):
    """Wants another argument."""

    def discriminator(self, game, lap): ...

class Untyped(Plain):
    """Has an option of no type."""

    def __init__(self, spec, *, height=1.0) -> None: ...

class Schemaless(Plain):
    """Has an option of a type that YAML lacks.

    Args:
        function: Is called.
    """

    def __init__(self, spec, *, function: Callable[[], None] = print) -> None: ...

class Unexplained(Plain):
    """Says nothing of its option."""

    def __init__(self, spec, *, height: float = 1.0) -> None: ...

MIGRATIONS = [Migration(to=2)]
NO_MIGRATIONS = ["to 2"]

@click.command("helped")
def helped():
    """Help."""

@click.command("helpless")
def helpless():
    pass
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path, whose modules are new to this process."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith("checked")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setenv("ATTNFORGE_PLUGINS", "checked=checked_plugin")
    return tmp_path


def check(name: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
    """The exit code and the checks by name and subject."""
    code = run(["plugins", "check", name, "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["plugin"] == name
    assert report["failed"] == sum(one["result"] == "fail" for one in report["checks"])
    return code, {(one["check"], one["of"]): one for one in report["checks"]}


def failed(checks: dict[tuple[str, str], dict[str, Any]]) -> set[tuple[str, str]]:
    return {key for key, one in checks.items() if one["result"] == "fail"}


@pytest.mark.parametrize("name", ["attngan", "coco", "cub", "encoders", "folder", "machine", "sketch-birds"])
def test_what_ships_passes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, checks = check(name, capsys)
    assert failed(checks) == set()
    assert code == 0
    names = {check for check, _ in checks}
    of_module = {"can be imported alone", "does not import torch", "is fast", "is loaded"}
    assert names >= {"version of attnforge"} | of_module
    assert "hook is known" in names


def test_each_way_to_be_wrong_fails_its_own_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "checked_plugin.py").write_text(GOOD)
    (folder / "checked_parts.py").write_text(PARTS)
    for name in ("recipes", "nothing"):
        (folder / name).mkdir()
    (folder / "recipes" / "fine.yaml").write_text("extends: quickstart\ntraining: {seed: 3}\n")
    (folder / "recipes" / "faulty.yaml").write_text("extends: quickstart\ntraining: {sed: 3}\n")
    (folder / "recipes" / "quickstart.yaml").write_text("extends: quickstart-folder\n")
    code, checks = check("checked", capsys)
    assert code == 1
    assert failed(checks) == {
        ("can be imported", "loss/vanished"),
        ("has a summary", "loss/mute"),
        ("migrations load", "loss/stuck"),
        ("options are documented", "loss/bare"),
        ("is built from a spec", "loss/loose"),
        ("is built from a spec", "loss/specless"),
        ("implements its interface", "loss/short"),
        ("implements its interface", "loss/odd"),
        ("options have types", "loss/untyped"),
        ("has a JSON Schema", "loss/schemaless"),
        ("options are documented", "loss/unexplained"),
        ("contains recipes", str(folder / "nothing")),
        ("recipe resolves", "faulty"),
        ("recipe resolves", "quickstart"),
        ("command loads", "helpless"),
        ("command loads", "gone"),
    }
    assert all(checks[key]["reason"] for key in failed(checks))
    assert "discriminator" in checks["implements its interface", "loss/short"]["reason"]
    assert "height" in checks["options are documented", "loss/unexplained"]["reason"]
    assert "sed" in checks["recipe resolves", "faulty"]["reason"]
    assert checks["has a JSON Schema", "loss/whole"]["result"] == "pass"
    assert checks["migrations load", "loss/raised"]["result"] == "pass"
    assert checks["version of attnforge", "checked"]["result"] == "skip"


@pytest.mark.parametrize(
    ("body", "wrong", "said"),
    [
        ("1 / 0", {"can be imported alone", "is loaded"}, "ZeroDivisionError"),
        ("import os\nos._exit(7)", {"can be imported alone"}, "exit code 7"),
        ("import torchvision", {"does not import torch"}, "torchvision"),
        ("sum(range(20_000_000))", {"is fast"}, "50 ms are allowed"),
        (
            "from attnforge.plugin import hookimpl\n@hookimpl\ndef attnforge_step_ends(): ...",
            {"is loaded"},
            "did you mean attnforge_step_end?",
        ),
        (
            "from attnforge.plugin import hookimpl\n@hookimpl\ndef attnforge_step_end(lap): ...",
            {"is loaded"},
            "lap",
        ),
    ],
)
def test_a_module_that_is_wrong(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    body: str,
    wrong: set[str],
    said: str,
) -> None:
    (folder / "torchvision.py").touch()  # the name is what counts, and the real one takes a while
    monkeypatch.setitem(sys.modules, "checked_plugin", type(sys)("checked_plugin"))
    if "is loaded" in wrong:
        monkeypatch.delitem(sys.modules, "checked_plugin")
    monkeypatch.setattr(fresh, "ATTEMPTS", 2)
    (folder / "checked_plugin.py").write_text(body)
    code, checks = check("checked", capsys)
    assert code == 1
    assert {name for name, _ in failed(checks)} == wrong
    assert any(said in one["reason"] for one in checks.values())


class _Distribution:
    name, version = "other", "7"

    def __init__(self, *requirements: str) -> None:
        self.requires = list(requirements)


@pytest.mark.parametrize(
    ("requirements", "result", "said"),
    [
        (["attnforge>=0.1"], "pass", ""),
        (["numpy", "AttnForge >=0.1,<2"], "pass", ""),
        (["numpy"], "fail", "does not depend on attnforge"),
        (["attnforge"], "fail", "every version"),
        (["attnforge>=0.1; extra == 'x'"], "fail", "does not depend on attnforge"),
    ],
)
def test_the_range_of_versions_of_an_installed_plugin(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    requirements: list[str],
    result: str,
    said: str,
) -> None:
    class Point(EntryPoint):
        @property
        def dist(self) -> Any:
            return _Distribution(*requirements)

    monkeypatch.delenv("ATTNFORGE_PLUGINS")
    (folder / "checked_plugin.py").write_text("")
    point = Point("checked", "checked_plugin", "attnforge")
    monkeypatch.setattr("attnforge.plugin.discovery.entry_points", lambda group: [point])
    _, checks = check("checked", capsys)
    found = checks["version of attnforge", "other"]
    assert found["result"] == result
    assert said in found["reason"]


def test_a_blocked_plugin_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATTNFORGE_BLOCK", "cub")
    code, checks = check("cub", capsys)
    assert code == 1
    assert failed(checks) == {("is loaded", "cub")}


def test_an_unknown_plugin_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "check", "attngam"]) == 1
    said = capsys.readouterr().err
    assert "error[unknown-plugin]" in said
    assert "`attngan`" in said


def test_people_get_a_table_and_the_next_thing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "check", "folder"]) == 0
    shown = capsys.readouterr().out
    assert "does not import torch" in shown
    assert "none failed" in shown
    assert """python -c 'from attnforge.testing import run; print(run("dataset/folder"))'""" in shown
