"""A run folder belongs to one process at a time, and to nobody once that process has ended, in any way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from commands import command, ended
from tiny_run import TINY, train_tiny

from attnforge.cli import run as attnforge
from attnforge.errors import RunError
from attnforge.storage import exclusive as subject
from attnforge.storage.exclusive import FILE, exclusive

HOLDER = """
import os, sys, time
from pathlib import Path
from attnforge.storage.exclusive import exclusive

with exclusive(Path(sys.argv[1]), purpose="training", warn=print):
    if sys.argv[2] == "fork" and os.fork() == 0:
        time.sleep(60)
    print("held", flush=True)
    time.sleep(60)
"""


def silent(text: str) -> None:
    raise AssertionError(text)


@contextmanager
def held_elsewhere(folder: Path, how: str = "alone") -> Iterator[subprocess.Popen[str]]:
    """A process that holds a folder."""
    command = [sys.executable, "-c", HOLDER, str(folder), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # a test may have ended all of it
                os.killpg(process.pid, signal.SIGKILL)


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(RunError) as error:
        action()
    (problem,) = error.value.problems
    return problem.code


def take(folder: Path) -> None:
    with exclusive(folder, purpose="training", warn=silent):
        pass


def test_a_folder_that_is_in_use_is_refused_with_the_process(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as process:
        with pytest.raises(RunError) as error:
            take(tmp_path)
        (problem,) = error.value.problems
    assert problem.code == "run-in-use"
    assert f"in use by process {process.pid}, for training since" in problem.message
    assert problem.next_step == f"ps -p {process.pid}"


def test_a_process_that_is_killed_keeps_nothing(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert (tmp_path / FILE).exists()
    take(tmp_path)
    assert not (tmp_path / FILE).exists()


def test_processes_that_load_data_do_not_keep_a_run_whose_training_was_killed(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path, "fork") as process:
        assert code_of(lambda: take(tmp_path)) == "run-in-use"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        take(tmp_path)


HOLDS = """
import fcntl, json, os, platform, sys, time
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(handle, fcntl.LOCK_EX)
os.write(handle, json.dumps({"process": int(sys.argv[2]), "host": platform.node()}).encode())
print("locked", flush=True)
time.sleep(float(sys.argv[3]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="children inherit no locks there")
def test_a_child_that_outlives_its_killed_parent_is_waited_for(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    command = [sys.executable, "-c", HOLDS, str(tmp_path / FILE), str(ended.pid), "0.7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "locked\n"
        take(tmp_path)
        assert child.wait() == 0


def test_a_process_refuses_itself_and_lets_go(tmp_path: Path) -> None:
    for _ in range(3):
        with exclusive(tmp_path, purpose="training", warn=silent):
            assert code_of(lambda: take(tmp_path)) == "run-in-use"
    assert list(tmp_path.iterdir()) == []


def test_what_another_process_wrote_into_the_file_is_not_believed(tmp_path: Path) -> None:
    for text in ("", "{", "[]", json.dumps({"process": os.getpid(), "host": "here"})):
        (tmp_path / FILE).write_text(text)
        take(tmp_path)


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path / "a/b", purpose="training", warn=silent):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert code_of(lambda: take(tmp_path / "file")) == "run-not-written"


def test_a_file_system_without_locks_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(handle: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(subject, "_lock", unsupported)
    warnings: list[str] = []
    with exclusive(tmp_path, purpose="training", warn=warnings.append):
        pass
    (text,) = warnings
    assert "has no locks" in text


@pytest.mark.parametrize("command", [["train", "--resume"], ["eval"]])
def test_commands_that_write_leave_a_run_in_use_alone(
    trained: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*") if path.name != FILE}
    with held_elsewhere(trained):
        assert attnforge([*command, str(trained)]) == 1
        assert "error[run-in-use]" in capsys.readouterr().err
        assert attnforge(["sample", str(trained), "a red bird", "-n", "1", "--out", f"{trained}-drawn"]) == 0
    after = {path: path.stat().st_mtime_ns for path in trained.rglob("*") if path.name != FILE}
    changed = {str(path.relative_to(trained)) for path in before.keys() | after.keys()
               if before.get(path) != after.get(path)}  # fmt: skip
    assert changed <= {"."}


def test_a_sweep_in_use_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = tmp_path / "mine.yaml"
    sweep.write_text("recipe: quickstart\ngrid: {training.seed: [1, 2]}\n")
    with held_elsewhere(tmp_path / "out"):
        assert attnforge(["sweep", str(sweep), "--out", str(tmp_path / "out")]) == 1
    assert "error[run-in-use]" in capsys.readouterr().err


def test_of_two_trainings_at_once_one_trains_and_one_says_why_not(tmp_path: Path) -> None:
    measured = "evaluation.metrics={attributes: null, retrieval: null}"
    words = ["train", "quickstart", *TINY, measured, "--resume", "--out", "run"]
    with command(*words, folder=tmp_path) as earlier, command(*words, folder=tmp_path) as later:
        ends = [ended(process) for process in (earlier, later)]
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert len(rows) == 8
    # a slow machine may start the second when the first has ended; it then finds nothing left to do
    assert sorted(code for code, _, _ in ends) in ([0, 0], [0, 1])
    assert all(code == 0 or "error[run-in-use]" in err for code, _, err in ends)


def test_a_run_that_is_trained_leaves_no_file_of_the_lock(tmp_path: Path) -> None:
    short = ("evaluation.metrics={attributes: null, retrieval: null}", "phases.gan.steps=1")
    assert train_tiny(tmp_path / "run", *short, "phases.gan.sample_every=0").finished
    assert not (tmp_path / "run" / FILE).exists()
