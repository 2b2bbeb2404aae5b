"""Progress as lines in a pipe and as a bar on a terminal."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from rich.console import Console

from attnforge.train.loop import StepResult
from attnforge.train.progress import ConsoleReporter, PhaseProgress, duration

SCALARS = {
    "D adversarial 16": 1.5,
    "D adversarial 64": 2.5,
    "G adversarial 16": 0.25,
    "G [damsm]": 12.3456,
    **{f"figure{number}": 1.0 for number in range(20)},
}


def reporter(*, terminal: bool = False, width: int = 40) -> tuple[ConsoleReporter, StringIO]:
    file = StringIO()
    console = Console(
        file=file, width=width, force_terminal=terminal, force_interactive=terminal, color_system=None
    )
    return ConsoleReporter(console), file


def result(step: int, *, steps: int = 4) -> StepResult:
    return StepResult(phase="gan", step=step, steps=steps, images=16, scalars={})


def test_a_phase_in_a_pipe_ends_with_one_unbroken_line() -> None:
    tell, file = reporter(width=40)
    with tell.phase("gan", start=0, steps=4) as progress:
        for step in range(1, 5):
            progress.advance(result(step), SCALARS if step == 2 else None)
    (line,) = file.getvalue().splitlines()
    assert line.startswith("gan 4/4")
    assert "images/s" in line
    assert "0 s left" in line
    assert len(line) > 40


def test_a_line_shows_a_few_figures_one_of_each_family() -> None:
    tell, file = reporter()
    with tell.phase("gan", start=0, steps=1) as progress:
        progress.advance(result(1, steps=1), SCALARS)
    line = file.getvalue()
    assert "D adversarial 64 2.5  G [damsm] 12.3" in line
    assert "D adversarial 16" not in line
    assert line.count("figure") == 2


@pytest.mark.parametrize(("every", "lines"), [(0.0, ["1/4", "2/4", "3/4", "4/4"]), (1e9, ["4/4"])])
def test_lines_come_now_and_then_and_at_the_end(every: float, lines: list[str]) -> None:
    tell, file = reporter()
    with PhaseProgress(tell.console, name="gan", start=0, steps=4, every=every) as progress:
        for step in range(1, 5):
            progress.advance(result(step), None)
    assert [line.split()[1] for line in file.getvalue().splitlines()] == lines


def test_a_notebook_gets_plain_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setattr("builtins.get_ipython", lambda: shell, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as kernels set it
    tell = ConsoleReporter()
    tell.line("run birds")
    with tell.phase("gan", start=0, steps=4) as progress:
        for step in range(1, 5):
            progress.advance(result(step), None)
    first, second = capsys.readouterr().out.splitlines()
    assert (first, second.split()[:2]) == ("run birds", ["gan", "4/4"])


def test_a_phase_that_is_resumed_counts_from_where_it_goes_on() -> None:
    tell, file = reporter()
    with PhaseProgress(tell.console, name="gan", start=2, steps=4, every=0.0) as progress:
        progress.advance(result(3), None)
    assert file.getvalue().startswith("gan 3/4")


def test_a_terminal_gets_a_bar_and_no_lines() -> None:
    tell, file = reporter(terminal=True, width=200)
    with tell.phase("gan", start=2, steps=4) as progress:
        assert progress.bar is not None
        for step in (3, 4):
            progress.advance(result(step), {"matching": 3.0})
        progress.bar.refresh()
    shown = file.getvalue()
    assert "━" in shown
    assert "4/4" in shown
    assert "matching 3" in shown
    assert "gan 4/4" not in shown


def test_the_bar_is_taken_down_when_training_fails() -> None:
    tell, _ = reporter(terminal=True)
    progress = tell.phase("gan", start=0, steps=4)
    with pytest.raises(ZeroDivisionError), progress:
        raise ZeroDivisionError
    assert progress.bar is not None
    assert not progress.bar.live.is_started


@pytest.mark.parametrize("terminal", [False, True])
def test_a_line_is_written_as_it_is(terminal: bool) -> None:
    tell, file = reporter(terminal=terminal, width=20)
    text = "resume with: attnforge train --resume runs/[bold]quickstart[/bold]-0123456789abcdef"
    tell.line(text)
    assert file.getvalue() == text + "\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (5999, "100 min"), (6000, "1.7 h"), (360000, "100.0 h")],
)
def test_durations_are_told_as_a_person_would(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_line_shows_the_speed_and_the_memory_and_slow_steps_too() -> None:
    tell, file = reporter()
    with tell.phase("gan", start=0, steps=1) as progress:
        progress.start_time -= 64.0
        progress.advance(result(1, steps=1), SCALARS)
    assert re.search(r"0\.25 images/s, 0 s left, peak \d+\.\d GB  D adversarial", file.getvalue())
