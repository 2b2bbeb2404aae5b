"""Processes that sample: one that is killed or fails stops no other, and is reported."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from attnforge_attngan.tokenizer import WordTokenizer

import attnforge.sampling.bulk.processes as processes
from attnforge.errors import Problem, RunError
from attnforge.sampling.bulk.captions import CaptionReader, CheckedCaptions
from attnforge.sampling.bulk.job import Job
from attnforge.sampling.bulk.layouts import Layout
from attnforge.sampling.bulk.plan import Part

Ending = Callable[[Connection], None]


@pytest.fixture
def captions(tmp_path: Path) -> CheckedCaptions:
    file = tmp_path / "captions.txt"
    file.write_text("a red bird\n")
    tokenizer = WordTokenizer()
    tokenizer.fit(["a red bird"])
    return CaptionReader(path=file, tokenizer=tokenizer).check(block_lines=1)


@pytest.fixture(autouse=True)
def forking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forks start at once and inherit what a test replaces."""
    fork = multiprocessing.get_context("fork")
    monkeypatch.setattr(processes.multiprocessing, "get_context", lambda method: fork)


def work(
    endings: list[Ending], captions: CheckedCaptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[int, bool]]:
    """Work in processes that report their number and then end in some way."""

    def ending(job: Job, captions: CheckedCaptions, connection: Connection) -> None:
        connection.send((job.part.number, False))
        endings[job.part.number - 1](connection)

    monkeypatch.setattr(processes, "_work", ending)
    jobs = [
        Job(checkpoint=tmp_path, captions=tmp_path, layout=Layout(folder=tmp_path), part=part)
        for part in Part().split(len(endings))
    ]
    reported: list[tuple[int, bool]] = []
    try:
        processes.work_in_processes(
            jobs, captions, progress=lambda images, before: reported.append((images, before))
        )
    finally:
        assert sorted(reported) == [(number + 1, False) for number in range(len(endings))]
    return reported


def finish(connection: Connection) -> None:
    pass


def be_killed(connection: Connection) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(connection: Connection) -> None:
    connection.send([Problem("images-not-written", "there is no room")])
    raise SystemExit(1)


def test_processes_that_finish_are_counted(
    captions: CheckedCaptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(work([finish, finish, finish], captions, tmp_path, monkeypatch)) == 3


@pytest.mark.parametrize(
    ("ending", "codes"), [(be_killed, ["sampling-killed"]), (fail, ["images-not-written"])]
)
def test_a_process_that_does_not_finish_is_reported_and_stops_no_other(
    ending: Ending,
    codes: list[str],
    captions: CheckedCaptions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = set(multiprocessing.active_children())  # of other tests
    with pytest.raises(RunError) as caught:
        work([ending, finish, ending], captions, tmp_path, monkeypatch)
    assert sorted({problem.code for problem in caught.value.problems}) == codes
    assert set(multiprocessing.active_children()) <= others
