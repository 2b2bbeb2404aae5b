"""Signals at random moments of training, saving, measuring and reporting lose nothing."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from random import Random

import pytest
from commands import command, ended
from injected_runs import (
    TRAIN,
    assert_nothing_lost,
    assert_same_weights,
    disturbed,
    fault,
    finish,
    undisturbed,
)
from injection_counts import Injections, Record, counts

SECONDS = {"training": 0.05, "saving": 0.06, "measuring": 0.1}
"""About how long each work takes."""


def inject(
    injections: Injections,
    count: int,
    *,
    folder: Path,
    whole: Path,
    work: str,
    number: int,
    group: bool = False,
    overrides: tuple[str, ...] = (),
) -> None:
    """Interrupt one run after another at random moments, and resume each, until the count is reached."""
    random = Random(f"{injections.kind} {count}")
    while injections.are_fewer_than(count):
        variables = fault(work, random, seconds=SECONDS[work], signal=number, group=group)
        code, _, err = disturbed(folder, variables, *overrides)
        assert "Traceback" not in err
        if code == 0:  # it ended before its moment came
            assert_same_weights(folder / "run", whole)
            shutil.rmtree(folder / "run")
            continue
        assert code in (-number, 128 + number), err
        if (folder / "run").exists():
            assert_nothing_lost(folder / "run")
        injections.add("resumed")
    finish(folder / "run", whole)


@counts(usual=4)
@pytest.mark.parametrize("work", SECONDS)
def test_killed(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Record,
    work: str,
    count: int,
) -> None:
    injections = Injections(f"SIGKILL while {work}", record_property)
    whole = undisturbed(tmp_path_factory.getbasetemp())
    inject(injections, count, folder=tmp_path, whole=whole, work=work, number=signal.SIGKILL)
    injections.close(expected=count)


@counts(usual=4)
def test_killed_while_reporting(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Record,
    count: int,
) -> None:
    injections = Injections("SIGKILL while reporting", record_property)
    random = Random(count)
    whole = undisturbed(tmp_path_factory.getbasetemp())
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    while injections.are_fewer_than(count):
        variables = fault("reporting", random, seconds=0.3, signal=signal.SIGKILL)
        with command("report", "run", folder=tmp_path, quick=True, **variables) as process:
            code, _, err = ended(process)
        if code == 0:
            (run / "report.html").unlink()
            continue
        assert code == -signal.SIGKILL, err
        report = run / "report.html"
        assert not report.exists() or report.read_text(encoding="utf-8").rstrip().endswith("</html>")
        assert all(path.read_bytes() == content for path, content in before.items())
        injections.add("unchanged")
    with command("report", "run", folder=tmp_path, quick=True) as process:
        assert ended(process)[0] == 0
    injections.close(expected=count)


@counts(usual=2)
@pytest.mark.parametrize(
    ("kind", "number", "group"),
    [
        ("SIGTERM", signal.SIGTERM, False),
        ("SIGTERM to the group with workers", signal.SIGTERM, True),
        ("SIGHUP", signal.SIGHUP, False),
    ],
)
def test_stopped(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Record,
    kind: str,
    number: int,
    group: bool,
    count: int,
) -> None:
    injections = Injections(kind, record_property)
    whole = undisturbed(tmp_path_factory.getbasetemp())
    workers = (f"training.workers={2 * group}",)
    inject(
        injections,
        count,
        folder=tmp_path,
        whole=whole,
        work="training",
        number=number,
        group=group,
        overrides=workers,
    )
    injections.close(expected=count)


@counts(usual=0, long=60)
def test_a_reader_that_leaves(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Record,
    count: int,
) -> None:
    injections = Injections("closed pipe of stdout", record_property)
    whole = undisturbed(tmp_path_factory.getbasetemp())
    random = Random(count)
    while injections.are_fewer_than(count):
        reading, writing = os.pipe()
        with command(*TRAIN, folder=tmp_path, stdout=writing, quick=True) as process:
            os.close(writing)
            time.sleep(random.uniform(0, 0.8))
            os.close(reading)
            code, _, err = ended(process)
        assert err == ""
        assert code in (0, 128 + signal.SIGPIPE)
        if code:
            injections.add("resumed")
        finish(tmp_path / "run", whole)
    injections.close(expected=count)
