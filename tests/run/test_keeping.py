"""Which checkpoints stay: the last, every n-th, and the best by a metric, also after damage."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attnforge_sketch_birds.accuracy import AttributeAccuracy
from damaged_runs import events_of, flip_last_bit, weights_of
from tiny_run import train_tiny

from attnforge.cli import run as attnforge
from attnforge.errors import AttnforgeError, RecipeError, RunError
from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.run.opening import names_a_run
from attnforge.sampling.pipeline import Pipeline
from attnforge.storage.checkpoints import saving
from attnforge.storage.locating import locate_run

Shown = pytest.CaptureFixture[str]
SHORT = (
    "phases.damsm={task: damsm, steps: 1, batch_size: 4}",
    "phases.gan.sample_every=0",
    "evaluation.metrics.retrieval=null",
)
BEST = ("training.keep_best=attributes", "evaluation.every=1", "training.keep=1")
VALUES = (0.2, 0.9, 0.5, 0.9, 0.3)
"""The accuracy that is measured after each step of the phase `gan`; the second is the best, and the first."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("keeping") / "run"
    with pytest.MonkeyPatch.context() as patch:
        measuring(patch, VALUES)
        assert train_tiny(path, *SHORT, *BEST).finished
        yield path


@pytest.fixture
def run(measured: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(measured, tmp_path / "run"))


def measuring(patch: pytest.MonkeyPatch, values: tuple[float, ...]) -> None:
    remaining = iter(values)

    def compute(self: AttributeAccuracy, *_: object) -> dict[str, Any]:
        return {"attribute accuracy": next(remaining), "attribute accuracy chance": 0.95}

    patch.setattr(AttributeAccuracy, "compute", compute)


def saved(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def best_of(run: Path) -> str:
    return str(json.loads((run / "best.json").read_text())["checkpoint"])


def codes(error: pytest.ExceptionInfo[AttnforgeError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def test_the_best_is_saved_when_it_is_measured_and_stays(run: Path) -> None:
    # step 2 is a checkpoint anyway, and older than `keep: 1` keeps
    assert saved(run) == ["damsm-0000001", "gan-0000002", "gan-0000005"]
    assert json.loads((run / "best.json").read_text()) == {
        "checkpoint": "gan-0000002",
        "metric": "attribute accuracy",
        "value": 0.9,
    }


@pytest.mark.long
def test_a_best_between_two_intervals_is_saved_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measuring(monkeypatch, (0.2, 0.1, 0.5, 0.4, 0.3))
    run = tmp_path / "run"
    assert train_tiny(run, *SHORT, *BEST, "phases.gan.checkpoint_every=0").finished
    assert saved(run) == ["damsm-0000001", "gan-0000003", "gan-0000005"]
    assert best_of(run) == "gan-0000003"


def test_the_last_step_can_be_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measuring(monkeypatch, (0.2, 0.1, 0.5, 0.4, 0.6))
    run = tmp_path / "run"
    assert train_tiny(run, *SHORT, *BEST, "phases.gan.checkpoint_every=0").finished
    assert best_of(run) == "gan-0000005"


def test_every_nth_is_kept_besides_the_last(tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ("training.keep=1", "training.keep_every=2", "phases.gan.checkpoint_every=1")
    assert train_tiny(run, *SHORT, *options, "evaluation.metrics.attributes=null").finished
    assert saved(run) == ["damsm-0000001", "gan-0000002", "gan-0000004", "gan-0000005"]


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_best_that_cannot_be_used_is_refused_by_name_and_replaced_on_resume(
    run: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    folder = run / "checkpoints/gan-0000002"
    if damage == "changed":
        flip_last_bit(folder / "generator.safetensors")
    else:
        shutil.rmtree(folder)
    assert attnforge(["sample", f"{run}@best", "a red bird"]) == 1
    code = "checkpoint-damaged" if damage == "changed" else "no-such-checkpoint"
    assert f"error[{code}]" in (shown := capsys.readouterr().err)
    assert "gan-0000005" in shown
    measuring(monkeypatch, (0.4,))
    options = ("phases.gan.steps=6", "--allow-changes")
    assert attnforge(["train", "--resume", str(run), *options]) == 0
    assert "gan-0000002" in capsys.readouterr().err
    assert any("gan-0000002" in event["message"] for event in events_of(run, "warning"))
    assert best_of(run) == "gan-0000006"


def test_best_names_a_checkpoint_for_every_command(run: Path, capsys: Shown, tmp_path: Path) -> None:
    assert Pipeline.load(Path(f"{run}@best"), device="cpu").checkpoint.folder.name == "gan-0000002"
    assert names_a_run(f"{run}@best", load_plugins())
    assert attnforge(["train", "--resume", f"{run}@best"]) == 1
    assert "error[checkpoint-not-newest]" in capsys.readouterr().err
    with pytest.raises(RunError) as error:
        locate_run(Path(f"{run}/checkpoints/gan-0000002@best"))
    assert codes(error) == ["not-a-run"]


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"checkpoint": "../../etc", "metric": "a", "value": 1}']
)
def test_a_run_without_a_best_checkpoint_is_refused(run: Path, content: str | None) -> None:
    file = run / "best.json"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(RunError) as error:
        locate_run(Path(f"{run}@best"))
    assert codes(error) == ["no-best-checkpoint"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["training.keep_best=attribute"], "`attributes`; one of attributes, retrieval"),
        (["training.keep_best=attributes"], "`evaluation.every`"),
        (
            ["training.keep_best=attributes", "evaluation.metrics={attributes: null, retrieval: null}"],
            "has none",
        ),
        (
            ["training.keep_best=m", "evaluation.metrics.m=brightness", "evaluation.every=5"],
            "does not declare whether higher or lower",
        ),
    ],
)
def test_a_metric_that_cannot_rank_is_refused_with_the_recipe(overrides: list[str], message: str) -> None:
    from noting_metric import brightness_plugin

    plugins = load_plugins(extra=[("brightness", brightness_plugin())])
    with pytest.raises(RecipeError) as error:
        resolve("quickstart", overrides=overrides, plugins=plugins)
    assert codes(error) == ["keep-best"]
    assert message in str(error.value)


def test_training_continues_while_a_checkpoint_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights that are written are those of their step, although later steps change them meanwhile."""
    quiet = (*SHORT, "evaluation.metrics.attributes=null", "training.keep=9")
    assert train_tiny(tmp_path / "straight", *quiet).finished
    save_file, last_step = saving.save_file, threading.Event()
    from attnforge.run.listeners import Checkpoints

    finish = Checkpoints.finish

    def blocked(*arguments: Any, **options: Any) -> None:
        if "gan-0000004" in str(arguments[1]):
            assert last_step.wait(60), "step 5 waits for the checkpoint of step 4"
        save_file(*arguments, **options)

    def finishing(self: Checkpoints) -> None:
        last_step.set()
        finish(self)

    monkeypatch.setattr(saving, "save_file", blocked)
    monkeypatch.setattr(Checkpoints, "finish", finishing)
    assert train_tiny(tmp_path / "run", *quiet).finished
    for name in ("gan-0000004", "gan-0000005"):
        expected, actual = weights_of(tmp_path / "straight", name), weights_of(tmp_path / "run", name)
        assert all(tensor.equal(actual[key]) for key, tensor in expected.items())


def test_a_failure_of_the_writer_ends_training_and_keeps_the_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file = saving.save_file

    def full(tensors: Any, path: Path) -> None:
        if "gan-0000004" in str(path):
            raise OSError(28, "No space left on device")
        save_file(tensors, path)

    monkeypatch.setattr(saving, "save_file", full)
    run = tmp_path / "run"
    with pytest.raises(RunError) as error:
        train_tiny(run, *SHORT, "evaluation.metrics.attributes=null", "phases.gan.steps=8")
    assert codes(error) == ["checkpoint-not-written"]
    assert saved(run) == ["damsm-0000001", "gan-0000002"]
    assert events_of(run, "ended")[0]["reason"] == "failed"
