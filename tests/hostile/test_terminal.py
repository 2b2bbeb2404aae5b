"""Nothing that attnforge prints makes a terminal do anything, whoever wrote it."""

from __future__ import annotations

import ast
import io
import json
import unicodedata
from pathlib import Path
from types import ModuleType

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import attnforge
from attnforge.cli import run
from attnforge.cli.group import group
from attnforge.cli.listing import listing
from attnforge.cli.streams import _warn
from attnforge.errors import Place, Problem, RunError
from attnforge.plugin import hookimpl, load_plugins
from attnforge.terminal import LastingStream, print_json, print_text, printable
from attnforge.train.loop import StepResult
from attnforge.train.progress import ConsoleReporter

Said = pytest.CaptureFixture[str]
EVIL = "a\x1b[31m\x1b]0;title\x07\x9b2J\r\x08\u202eb\u2028\x7f\x00"


def tame(text: str) -> bool:
    """Whether a terminal shows the text and obeys nothing of it."""
    return printable(text) == text


@given(st.text())
def test_what_is_printable_is_tame_and_stays_so(text: str) -> None:
    shown = printable(text)
    assert tame(shown)
    assert all(
        unicodedata.category(character) not in ("Cc", "Cs") or character in "\n\t" for character in shown
    )
    shown.encode()


def test_what_people_write_stays_as_it_is() -> None:
    for text in ("a red bird\n\tline", "किताब", "鳥", "é", "👩‍👩‍👧", "שלום", "سلام", "100 % \\x1b"):
        assert printable(text) == text


def test_problems_and_their_notes(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    error = RunError(Problem("code", EVIL, Place(EVIL, 1, 2, EVIL, 3), EVIL, EVIL))
    error.add_note(EVIL)

    @click.command()
    def odd() -> None:
        raise error

    monkeypatch.setattr(type(group), "get_command", lambda *_: odd)
    assert run(["train"]) == 1
    assert tame(capsys.readouterr().err)


def test_a_message_cannot_pass_for_a_line_of_its_own() -> None:
    text = str(Problem("code", "x\nerror[fine]: all is well\n  next: rm -rf ~"))
    assert [line for line in text.splitlines() if line.startswith(("error[", "  next:"))] == [
        "error[code]: x"
    ]


def test_tables_json_lines_progress_and_warnings(capsys: Said) -> None:
    listing([{"name": EVIL}], as_json=False, columns=["name"])
    print_text(EVIL)
    print_text(EVIL, err=True)
    print_json({EVIL: EVIL})
    ConsoleReporter().line(EVIL)
    _warn(EVIL, UserWarning, "", 1)
    shown = capsys.readouterr()
    assert tame(shown.out)
    assert tame(shown.err)
    listing([{"name": EVIL}], as_json=True, columns=["name"])
    text = capsys.readouterr().out
    assert tame(text)
    assert json.loads(text) == [{"name": EVIL}]


@pytest.mark.parametrize("terminal", [False, True])
def test_names_of_phases_and_scalars_in_progress(terminal: bool) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, color_system=None, width=200)
    name = "[red]" + EVIL.replace("\n", "")
    with ConsoleReporter(console).phase(name, start=0, steps=1) as progress:
        progress.advance(StepResult(phase=name, step=1, steps=1, images=1, scalars={}), {name: 1.0})
    shown = file.getvalue()
    assert "\x1b]0;" not in shown
    assert "\x07" not in shown
    assert "\\x1b]0;title\\x07" in shown
    assert "[red]" in shown


def test_what_a_plugin_that_raises_is_called_and_says(capsys: Said) -> None:
    module = ModuleType("evil")

    @hookimpl
    def attnforge_epoch_end() -> None:
        raise ValueError(EVIL)

    vars(module)["attnforge_epoch_end"] = attnforge_epoch_end
    hooks = load_plugins(extra=[(EVIL.replace("\x00", ""), module)], installed=False).hooks
    hooks.call("attnforge_epoch_end", phase="gan", epoch=1)
    shown = capsys.readouterr().err
    assert "raised in attnforge_epoch_end" in shown
    assert tame(shown)


def test_whatever_is_typed_wrongly(capsys: Said) -> None:
    evil = EVIL.replace("\x00", "")
    for words in (
        [evil],
        ["train", evil],
        ["train", "quickstart", f"--{evil}"],
        ["validate", evil],
        ["validate", "quickstart", evil],
        ["validate", "quickstart", f"{evil}=1"],
        ["validate", "quickstart", f"data={evil}"],
        ["show", "quickstart", f"{evil}.x=1"],
        ["sample", evil, evil],
        ["sample", ".", evil, "-n", evil],
        ["report", evil],
        ["eval", evil],
        ["eval", ".", f"{evil}=1"],
        ["sweep", evil],
        ["data", "check", evil],
        ["data", "prepare", evil, "-o", "x"],
        ["explain", evil],
        ["components", evil],
        ["kernels", "--dtype", evil],
        ["plugins", "check", evil],
        ["plugins", evil],
        ["--no-plugin", evil, "recipes"],
        ["doctor", evil],
    ):
        assert run(words) in (1, 2), words
        shown = capsys.readouterr()
        assert tame(shown.out), words
        assert tame(shown.err), words
        assert "Traceback" not in shown.err


def test_nothing_is_printed_past_the_one_place() -> None:
    """`print` and `click.echo` stand in no other module of attnforge."""
    package = Path(attnforge.__file__).parent
    sources = [path for path in package.rglob("*.py") if path.name != "terminal.py"]
    past = []
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case (
                    ast.Call(func=ast.Name(id="print"))
                    | ast.Call(func=ast.Attribute(value=ast.Name(id="click"), attr="echo" | "secho"))
                ):
                    past.append(f"{path.relative_to(package)}:{node.lineno}")
    assert past == []


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_a_lasting_stream_tells_once_and_goes_on() -> None:
    told: list[str] = []
    stream = LastingStream(Gone(), lost=lambda: told.append("lost"))
    for _ in range(3):
        assert stream.write("text") == 4
        stream.flush()
    assert told == ["lost"]
    assert not stream.isatty()
