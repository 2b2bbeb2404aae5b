"""What happens to one of two processes at a random moment costs neither of them anything."""

from __future__ import annotations

import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from commands import PATIENCE_SECONDS, ended
from damaged_runs import weights_of
from forked import Forked
from injected_runs import LAST, TRAIN, assert_nothing_lost, fault
from injection_counts import Injections, Record, counts
from process_group import processes

SECONDS = {"training": 0.1, "saving": 0.1, "measuring": 0.1}
"""About how long each work takes."""
TIMEOUT = "training.process_timeout=4"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of two processes that no fault disturbed."""
    folder = tmp_path_factory.mktemp("two")
    with processes(*TRAIN, TIMEOUT, folder=folder) as both:
        results = [ended(process) for process in both]
    assert [code for code, _, _ in results] == [0, 0], results
    return folder / "run"


@counts(usual=1, long=60)
@pytest.mark.parametrize(
    "work",
    [*(pytest.param(work, marks=pytest.mark.long) for work in ("training", "measuring")), "saving"],
)
def test_a_killed_process(
    tmp_path: Path, whole: Path, record_property: Record, work: str, count: int
) -> None:
    injections = Injections(f"SIGKILL of one of two processes while {work}", record_property)
    inject(injections, count, folder=tmp_path, whole=whole, work=work, number=signal.SIGKILL)
    injections.close(expected=count)


@counts(usual=0, long=20)
def test_a_process_that_hangs(tmp_path: Path, whole: Path, record_property: Record, count: int) -> None:
    injections = Injections("SIGSTOP of one of two processes", record_property)
    inject(injections, count, folder=tmp_path, whole=whole, work="training", number=signal.SIGSTOP)
    injections.close(expected=count)


def ended_well(process: Forked, number: int) -> bool:
    """Whether a process ended without a fault, once the other has ended; only its own fault may end it."""
    with suppress(subprocess.TimeoutExpired):
        code = process.wait(timeout=PATIENCE_SECONDS if number == signal.SIGKILL else 10)
        assert code in (0, -number)
        return code == 0
    assert number == signal.SIGSTOP  # it is stopped, and is killed when it is left
    return False


def inject(injections: Injections, count: int, *, folder: Path, whole: Path, work: str, number: int) -> None:
    """Interrupt one of two processes, again and again, start both as torchrun does, and compare the end."""
    random = Random(f"{injections.kind} {count}")
    restarts = 0
    while injections.are_fewer_than(count):
        hit = random.randrange(2)
        variables = fault(work, random, seconds=SECONDS[work], signal=number)
        both_variables = {
            rank: variables if rank == hit else {**variables, "INJECTED_FAULT": ""} for rank in range(2)
        }
        with processes(*TRAIN, TIMEOUT, folder=folder, restarts=restarts, variables=both_variables) as both:
            code, _, err = ended(both[1 - hit])
            # the other ended well: the moment came when no process waits for another any more, or not at all
            if code == 0 and ended_well(both[hit], number):
                assert_same(folder / "run", whole)
                shutil.rmtree(folder / "run")
                restarts = 0
                continue
        if code:
            assert code == 1, err
            assert ("process-hung" if number == signal.SIGSTOP else "process-lost") in err, err
        assert "Traceback" not in err
        if (folder / "run").exists():
            assert_nothing_lost(folder / "run")
        injections.add("resumed")
        restarts += 1
    with processes(*TRAIN, TIMEOUT, folder=folder, restarts=restarts) as both:
        results = [ended(process) for process in both]
    assert [code for code, _, _ in results] == [0, 0], results
    assert_same(folder / "run", whole)


def assert_same(run: Path, whole: Path) -> None:
    expected, actual = weights_of(whole, LAST), weights_of(run, LAST)
    assert expected.keys() == actual.keys()
    assert [name for name in expected if not expected[name].equal(actual[name])] == []
