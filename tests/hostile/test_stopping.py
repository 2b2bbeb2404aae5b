"""Every way to be stopped saves first, and a stop in the first seconds is heard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import command, ended, rows, wait_until
from endless_run import LONG, begun, saved_last_step
from tiny_run import tiny

from attnforge.run.stop import StopSignal
from attnforge.run.training import train
from attnforge.train.progress import ConsoleReporter


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_group_saves_although_workers_load(tmp_path: Path, number: int) -> None:
    run = tmp_path / "run"
    with command(*LONG, "training.workers=2", folder=tmp_path) as process:
        wait_until(lambda: begun(run), process)
        os.killpg(process.pid, number)
        code, out, err = ended(process)
    assert code == 128 + number
    assert "attnforge train --resume run" in out
    assert err == ""
    assert saved_last_step(run)


def test_a_reader_who_leaves_stops_the_run_and_it_is_saved(tmp_path: Path) -> None:
    run = tmp_path / "run"
    reading, writing = os.pipe()
    reader = os.fdopen(reading)
    with command(*LONG, folder=tmp_path, stdout=writing) as process:
        os.close(writing)
        assert reader.readline() == "run run\n"
        reader.close()  # the next line is told when the first phase ends
        code, _, err = ended(process)
    assert code == 128 + signal.SIGPIPE
    assert err == ""
    assert saved_last_step(run)


def test_a_signal_that_the_process_was_started_to_ignore_stays_ignored(tmp_path: Path) -> None:
    run = tmp_path / "run"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
    try:
        with command(*LONG, folder=tmp_path) as process:
            wait_until(lambda: begun(run), process)
            made = len(rows(run))
            process.send_signal(signal.SIGHUP)
            wait_until(lambda: len(rows(run)) > made + 5, process)
            process.send_signal(signal.SIGTERM)
            assert ended(process)[0] == 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGHUP, before)


SLOW_MODULE = """
import os, time
open("importing", "w").close()
end = time.monotonic() + 60
while not os.path.exists("signalled") and time.monotonic() < end:
    time.sleep(0.01)
time.sleep(0.2)
open("imported", "w").close()
"""
IMPORTS_IT = """
import sys
sys.path.insert(0, "")
import click
from attnforge.cli import main
from attnforge.cli import group

@click.command()
def slow():
    import slow_module
    while True:
        pass

group.group.add_command(slow)
type(group.group).get_command = lambda *_: slow
sys.argv = ["attnforge", "train"]
main()
"""


def test_an_interrupt_waits_for_an_import_and_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "slow_module.py").write_text(SLOW_MODULE)
    process = subprocess.Popen(
        [sys.executable, "-c", IMPORTS_IT], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until((tmp_path / "importing").exists, process)
        process.send_signal(signal.SIGINT)
        (tmp_path / "signalled").touch()
        code, _, err = ended(process)
    finally:
        process.kill()
    assert (code, err) == (130, "")
    assert (tmp_path / "imported").exists()


def test_ctrl_c_before_anything_was_made_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "waiting.py").write_text(SLOW_MODULE)
    with command(*LONG, folder=tmp_path, ATTNFORGE_PLUGINS="waiting", PYTHONPATH=str(tmp_path)) as process:
        wait_until((tmp_path / "importing").exists, process)
        process.send_signal(signal.SIGINT)
        (tmp_path / "signalled").touch()
        code, _, err = ended(process)
    assert (code, err) == (130, "")
    assert not (tmp_path / "run").exists()


def test_a_signal_that_came_while_something_was_imported_makes_no_run_folder(tmp_path: Path) -> None:
    """The interrupt may be put off until the very moment at which a run folder would be made."""
    with StopSignal() as stop:
        stop.request(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            train(tiny(), tmp_path / "run", resume=False, reporter=ConsoleReporter(), stop=stop)
    assert list(tmp_path.iterdir()) == []
