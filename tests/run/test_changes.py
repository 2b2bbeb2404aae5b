"""Drift between a run's frozen recipe and the one it is resumed with is shown key by key, and refused."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from damaged_runs import events_of, snapshot
from tiny_run import TINY, train_tiny

from attnforge.cli import run as attnforge
from attnforge.run.changes import is_free, table
from attnforge.run.stop import StopSignal

Shown = pytest.CaptureFixture[str]
SHORT = (
    "phases.damsm={task: damsm, steps: 1, batch_size: 4}",
    "phases.gan.steps=1",
    "phases.gan.sample_every=0",
    "evaluation.metrics={attributes: null, retrieval: null}",
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("changes") / "base"
    assert train_tiny(path, *SHORT, "training.seed=5").finished
    return path


@pytest.fixture
def run(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "run"))


def test_a_forgotten_override_is_shown_and_refused(run: Path, capsys: Shown) -> None:
    before = snapshot(run)
    rate = "phases.gan.task.generator_learning_rate=5e-4"
    recipe = ["train", "quickstart", *TINY, *SHORT, rate, "--resume", "--out", str(run)]
    assert attnforge(recipe) == 1
    shown = capsys.readouterr().err
    assert "error[recipe-changed]" in shown
    lines = [line.split() for line in shown.splitlines()]
    assert ["training.seed", "5", "->", "1"] in lines
    assert ["phases.gan.task.generator_learning_rate", "0.001", "->", "0.0005"] in lines
    (next_step,) = [line for line in shown.splitlines() if line.startswith("  next: ")]
    assert snapshot(run) == before
    assert attnforge(next_step.removeprefix("  next: attnforge ").split()) == 0
    shown = capsys.readouterr().out
    assert "changed: training.seed" in shown
    assert events_of(run, "resumed")[0]["changed"]["training.seed"] == [5, 1]
    # what was allowed is the run's recipe from now on
    assert attnforge(["train", "--resume", str(run)]) == 0


def test_a_typed_override_needs_to_be_allowed_too(run: Path, capsys: Shown) -> None:
    assert attnforge(["train", "--resume", str(run), "phases.gan.steps=2"]) == 1
    assert "phases.gan.steps=2 --allow-changes" in capsys.readouterr().err


def test_what_does_not_affect_training_is_free(run: Path) -> None:
    free = [
        "phases.gan.log_every=7",
        "training.keep=9",
        "samples.count=1",
        "summary=mine",
    ]
    assert attnforge(["train", "--resume", str(run), *free]) == 0
    assert events_of(run, "resumed")[0]["changed"]["training.keep"] == [2, 9]


@pytest.mark.long
def test_a_branch_may_change_what_it_likes(run: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "branch")
    assert attnforge(["train", "--resume", str(run), "phases.gan.steps=2", "--out", out]) == 0
    assert attnforge(["train", "--resume", out]) == 0


def test_a_damaged_frozen_recipe_is_compared_by_its_copy(run: Path, capsys: Shown) -> None:
    (run / "recipe.lock.yaml").write_text("damaged")
    recipe = ["train", "quickstart", *TINY, *SHORT, "--resume", "--out", str(run)]
    assert attnforge(recipe) == 1
    assert "training.seed  5 -> 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "free"),
    [
        ("summary", True),
        ("trackers.board.use", True),
        ("evaluation.metrics.fid.use", True),
        ("training.device", True),
        ("training.keep_best", True),
        ("phases.gan.checkpoint_every", True),
        ("training.seed", False),
        ("training.precision", False),
        ("phases.gan.steps", False),
        ("phases.gan.batch_size", False),
        ("phases.gan.task.log_every", False),
        ("data.root", False),
        ("losses.damsm.weight", False),
        ("pretrained.text", False),
    ],
)
def test_only_what_cannot_affect_training_is_free(key: str, free: bool) -> None:
    assert is_free(key) is free


def test_a_table_is_aligned() -> None:
    assert table({"a": (1, None), "training.seed": ("long", (1, 2))}) == [
        "a              1    -> nothing",
        "training.seed  long -> [1, 2]",
    ]


def test_time_that_is_over_stops_after_one_step_and_saves(tmp_path: Path, capsys: Shown) -> None:
    run = tmp_path / "run"
    steps = "phases.damsm.steps=1000000"
    limited = ["train", "quickstart", *TINY, *SHORT, steps, "--out", str(run), "--max-minutes", "1e-6"]
    assert attnforge(limited) == 128 + signal.SIGALRM
    assert f"resume with: attnforge train --resume {run}" in capsys.readouterr().out
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["damsm-0000001"]
    assert events_of(run, "ended")[-1]["reason"] == "stopped"
    # each command makes progress, however little time it has
    assert attnforge(["train", "--resume", str(run), "--max-minutes", "1e-6"]) == 128 + signal.SIGALRM
    assert (run / "checkpoints/damsm-0000002").is_dir()


@pytest.mark.parametrize("minutes", ["0", "-1", "soon"])
def test_a_limit_that_is_not_a_time_is_refused(capsys: Shown, minutes: str) -> None:
    assert attnforge(["train", "quickstart", "--max-minutes", minutes]) == 2
    assert "--max-minutes" in capsys.readouterr().err


def test_a_limit_counts_from_the_start_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("attnforge.run.stop.time.monotonic", lambda: clock[0])
    with StopSignal() as stop:
        clock[0] = 150.0
        stop.limit(60)
        assert not stop.requested
        clock[0] = 160.0
        assert stop.requested
        assert stop.exit_code == 128 + signal.SIGALRM
        with stop.saving_first():  # a signal would interrupt here, since there is nothing to save
            pass
