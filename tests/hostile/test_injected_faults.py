"""Faults of numbers, files, memory and processes at random moments of a run lose nothing."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from commands import command, ended, rows, wait_until
from damaged_runs import events_of, flip_bit
from injected_runs import (
    LAST,
    RESUME,
    STEPS,
    TRAIN,
    assert_nothing_lost,
    assert_same_weights,
    finish,
    undisturbed,
)
from injection_counts import Injections, Record, counts

from attnforge.adversarial.task import AdversarialTask
from attnforge.cli import run as attnforge
from attnforge.interfaces import Batch, Progress

NAN = float("nan")
Shown = pytest.CaptureFixture[str]


@pytest.fixture
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that no fault disturbed; not to be changed."""
    return undisturbed(tmp_path_factory.getbasetemp())


def copied_at(whole: Path, run: Path, step: int) -> Path:
    """A copy of a run as it was when it had saved a step."""
    shutil.copytree(whole, run)
    for folder in (run / "checkpoints").iterdir():
        if folder.name > f"gan-{step:07d}":
            shutil.rmtree(folder)
    return run


def spoil(patch: pytest.MonkeyPatch, where: str, steps: set[int]) -> None:
    """Let something become NaN in some adversarial steps."""
    step, terms = AdversarialTask.step, AdversarialTask.generator_terms

    def spoiled_terms(self: AdversarialTask, adversarial: Any) -> dict[str, torch.Tensor]:
        losses = terms(self, adversarial)
        if where == "gradient" and adversarial.progress.step + 1 in steps:
            name = next(iter(losses))
            losses[name].register_hook(lambda gradient: gradient * NAN)
        return losses

    def spoiled(self: AdversarialTask, batch: Batch, *, progress: Progress) -> dict[str, torch.Tensor]:
        scalars = step(self, batch, progress=progress)
        if progress.step + 1 in steps and where == "weight":
            next(self.generator.parameters()).data.view(-1)[0] = NAN
        if progress.step + 1 in steps and where == "loss":
            scalars = {name: value * NAN for name, value in scalars.items()}
        return scalars

    patch.setattr(AdversarialTask, "step", spoiled)
    patch.setattr(AdversarialTask, "generator_terms", spoiled_terms)


@counts(usual=1, long=60)
@pytest.mark.parametrize("where", ["loss", "gradient", "weight"])
def test_steps_that_are_not_finite_are_skipped_and_stops_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Record, where: str, count: int
) -> None:
    injections = Injections(f"NaN in a {where}, skipped", record_property)
    random = Random(f"{where} {count}")
    words = [*TRAIN[:-2], "training.on_not_finite=skip", "phases.gan.log_every=5"]
    while injections.are_fewer_than(count):
        steps = set(random.sample(range(1, STEPS + 1), min(3, count - injections.count)))
        first, stopped = tmp_path / "first", tmp_path / "stopped"
        with monkeypatch.context() as patch:
            spoil(patch, where, steps)
            assert attnforge([*words, "--out", str(first)]) == 0
            copied_at(first, stopped, random.randrange(7, STEPS, 1))
            assert attnforge(["train", "--resume", str(stopped)]) == 0
        events = events_of(first, "step-skipped")
        assert {event["step"] for event in events} == steps
        assert all(len(event["keys"]) == 4 and event["causes"] for event in events)
        assert_same_weights(stopped, first)
        for path in (first, stopped):
            shutil.rmtree(path)
        for _ in steps:
            injections.add("skipped alike")
    injections.close(expected=count)


@counts(usual=1, long=60)
@pytest.mark.parametrize("where", ["loss", "gradient", "weight"])
def test_steps_that_are_not_finite_are_errors_by_default(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Record,
    capsys: Shown,
    whole: Path,
    where: str,
    count: int,
) -> None:
    injections = Injections(f"NaN in a {where}, refused", record_property)
    random = Random(f"{where} {count}")
    run = copied_at(whole, tmp_path / "run", 10)
    while injections.are_fewer_than(count):
        with monkeypatch.context() as patch:
            spoil(patch, where, {random.randint(11, STEPS)})
            assert attnforge(["train", "--resume", str(run)]) == 1
        shown = capsys.readouterr().err
        assert "error[not-a-number]" in shown or "error[weights-not-finite]" in shown
        assert_nothing_lost(run)
        injections.add("refused")
    finish(run, whole)
    injections.close(expected=count)


@counts(usual=4)
@pytest.mark.parametrize("kind", ["flipped bit", "truncated file"])
def test_damaged_files(tmp_path: Path, record_property: Record, whole: Path, kind: str, count: int) -> None:
    injections = Injections(kind, record_property)
    random = Random(f"{kind} {count}")
    paths = (path for path in whole.rglob("*") if path.is_file() and path.stat().st_size)
    files = sorted(path.relative_to(whole) for path in paths)
    while injections.are_fewer_than(count):
        run = Path(shutil.copytree(whole, tmp_path / "run"))
        file = run / random.choice(files)
        if kind == "flipped bit":
            flip_bit(file, random)
        else:
            os.truncate(file, random.randrange(file.stat().st_size))
        with command(*RESUME, folder=tmp_path, quick=True) as process:
            code, _, shown = ended(process)
        assert "Traceback" not in shown
        if code == 0:
            assert_same_weights(run, whole)
        else:
            assert "error[" in shown, (file, shown)
            assert (run / "checkpoints" / LAST).is_dir()
        injections.add("resumed" if code == 0 else "refused")
        shutil.rmtree(run)
    injections.close(expected=count)


@counts(usual=2)
def test_a_full_disk(tmp_path: Path, record_property: Record, capsys: Shown, whole: Path, count: int) -> None:
    """A limit on the size of files ends a write in the middle, whichever file reaches it first."""
    injections = Injections("disk full", record_property)
    random = Random(count)
    run = copied_at(whole, tmp_path / "run", 10)
    sizes = sorted({path.stat().st_size for path in run.rglob("*") if path.is_file()})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    while injections.are_fewer_than(count):
        resource.setrlimit(resource.RLIMIT_FSIZE, (random.randrange(1, sizes[-1]), before[1]))
        try:
            code = attnforge(["train", "--resume", str(run)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        shown = capsys.readouterr().err
        assert code == 1, shown
        assert "error[" in shown
        assert "Traceback" not in shown
        assert_nothing_lost(run)
        injections.add("refused")
    finish(run, whole)
    injections.close(expected=count)


@counts(usual=1, long=60)
def test_out_of_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Record,
    capsys: Shown,
    whole: Path,
    count: int,
) -> None:
    injections = Injections("out of memory", record_property)
    random, step = Random(count), AdversarialTask.step
    while injections.are_fewer_than(count):
        run = copied_at(whole, tmp_path / "run", 10)
        chosen = random.randrange(10, STEPS)

        def failing(
            self: AdversarialTask, batch: Batch, *, progress: Progress, chosen: int = chosen
        ) -> dict[str, torch.Tensor]:
            if progress.step == chosen and batch.image.device.type != "meta":
                torch.empty(2**60, dtype=torch.uint8)
            return step(self, batch, progress=progress)

        with monkeypatch.context() as patch:
            patch.setattr(AdversarialTask, "step", failing)
            assert attnforge(["train", "--resume", str(run)]) == 1
        assert "error[out-of-memory]" in capsys.readouterr().err
        assert_nothing_lost(run)
        injections.add("refused")
        finish(run, whole)
    injections.close(expected=count)


@counts(usual=0, long=60)
def test_dead_workers(tmp_path: Path, record_property: Record, whole: Path, count: int) -> None:
    injections = Injections("dead loader worker", record_property)
    random = Random(count)
    run = tmp_path / "run"
    while injections.are_fewer_than(count):
        words = [*(RESUME if run.exists() else TRAIN), "training.workers=2"]
        last = random.randint(1, STEPS - 4)
        with command(*words, folder=tmp_path, quick=True) as process:
            made = len(rows(run))
            wait_until(lambda made=made, last=last: process_made(run, made + last, process), process)  # type: ignore[misc]
            with suppress(FileNotFoundError, ProcessLookupError, IndexError):  # it has ended
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                os.kill(int(random.choice(children)), signal.SIGKILL)
            code, _, err = ended(process)
        if code:
            assert "error[worker-killed]" in err
            assert_nothing_lost(run)
            injections.add("refused")
        else:
            finish(run, whole)
    if run.exists():
        finish(run, whole)
    injections.close(expected=count)


def process_made(run: Path, count: int, process: Any) -> bool:
    """Whether a process has logged so many steps, or has ended."""
    return len(rows(run)) >= count or process.poll() is not None
