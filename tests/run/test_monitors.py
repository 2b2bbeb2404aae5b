"""Each usual failure of adversarial training is named, in a training that is broken on purpose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
from damaged_runs import events_of
from tiny_run import train_tiny
from torch import nn

from attnforge.cli import run as attnforge
from attnforge.report.symptoms import section
from attnforge.run.monitors import diversity
from attnforge.run.monitors.gradients import GradientMonitor
from attnforge.run.monitors.saturation import SaturationMonitor
from attnforge.run.monitors.symptom import Symptom
from attnforge.run.monitors.watching import Watch
from attnforge.storage.folder import RunFolder
from attnforge.train.loop import StepResult
from attnforge.train.progress import ConsoleReporter

UNMEASURED = "evaluation.metrics={attributes: null, retrieval: null}"
BROKEN = {
    "discriminator-saturation": (
        "phases.gan.steps=30",
        "phases.gan.sample_every=0",
        "phases.gan.task.generator_learning_rate=1e-8",
        "phases.gan.task.discriminator_learning_rate=0.01",
        "discriminator.norm=batch",
        "losses.adversarial={use: bce, mismatch: none}",
    ),
    "exploding-gradients": ("phases.gan.steps=6", "phases.gan.sample_every=0", "losses.damsm.weight=1e6"),
    "vanishing-diversity": (
        "phases.gan.steps=6",
        "phases.gan.sample_every=3",
        "generator.noise=1",
        "generator.binary_noise=0",
        "phases.gan.task.generator_learning_rate=1e-8",
    ),
}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.long] if kind == "exploding-gradients" else [])
        for kind in BROKEN
    ],
)
def test_a_training_that_fails_this_way_is_reported_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    run = tmp_path / "run"
    monkeypatch.setattr(diversity, "WARM_UP_STEPS", 0)
    assert train_tiny(run, UNMEASURED, "phases.damsm.steps=1", *BROKEN[kind]).finished
    (event,) = events_of(run, "symptom")
    assert event["kind"] == kind
    assert event["phase"] == "gan"
    shown = capsys.readouterr().err
    assert shown.count(event["message"]) == 1
    assert event["remedy"] in shown
    ((title, body),) = section(run)
    assert title == "Signs of failure"
    assert event["remedy"] in body


@pytest.mark.long
def test_a_training_that_works_is_not_reported(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert train_tiny(run, UNMEASURED, "phases.damsm.steps=2", "phases.gan.steps=12").finished
    assert events_of(run, "symptom") == []
    assert section(run) == []


class Weights:
    """A task of one weight whose gradient is set."""

    def __init__(self) -> None:
        self.weight = nn.Parameter(torch.zeros(1))
        self.optimizer = torch.optim.SGD([self.weight])

    needs = frozenset[str]()
    sampling_network = None

    def networks(self) -> Mapping[str, nn.Module]:
        return {}

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"generator": self.optimizer}

    def step(self, batch: object, *, progress: object) -> dict[str, torch.Tensor]:
        raise AssertionError


def result(step: int) -> StepResult:
    return StepResult(phase="gan", step=step, steps=100, images=4, scalars={})


def symptoms_of(norms: list[float]) -> Iterator[int]:
    """The steps at which gradients of these norms are a symptom."""
    task = Weights()
    monitor = GradientMonitor(task)  # type: ignore[arg-type]
    for step, norm in enumerate(norms):
        task.weight.grad = torch.tensor([norm])
        if monitor.after_step(result(step), {}) is not None:
            yield step


@pytest.mark.parametrize(
    ("norms", "steps"),
    [
        ([1.0] * 10, []),
        ([1.0] * 6 + [500.0, 1.0, 500.0, 500.0, 1.0], []),
        ([1.0] * 6 + [500.0] * 4, [8, 9]),
        ([1.0, 1.0] + [500.0] * 3, []),
        ([1e6] * 3, [2]),
        ([1.0] * 6 + [float("inf")] * 3, [8]),
        ([0.0] * 8, []),
    ],
)
def test_gradients_explode_when_several_in_a_row_are_far_above_the_usual(
    norms: list[float], steps: list[int]
) -> None:
    assert list(symptoms_of(norms)) == steps


def test_gradients_are_not_read_where_nothing_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = GradientMonitor(Weights())  # type: ignore[arg-type]
    monkeypatch.setattr(monitor, "_norms", lambda: pytest.fail("it waits for the device"))
    assert monitor.after_step(result(1), None) is None


def test_one_certain_step_is_not_saturation() -> None:
    monitor = SaturationMonitor()
    losses = [0.01, 0.01, 0.01, 0.01, 0.5, 0.01, 0.01, 0.01, 0.01, 0.01]
    seen = [monitor.after_step(result(1), {"D adversarial 64": loss}) for loss in losses]
    assert [index for index, symptom in enumerate(seen) if symptom is not None] == [9]
    assert SaturationMonitor().after_step(result(1), {"D R1 64": 0.0, "G adversarial 64": 0.0}) is None


class Always:
    """A monitor that always has something to report."""

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> Symptom | None:
        return Symptom("boredom", "nothing <b>new</b>", "a walk")


def test_a_kind_is_reported_once_and_its_text_is_escaped_in_the_report(tmp_path: Path) -> None:
    watch = Watch(RunFolder(tmp_path), ConsoleReporter(), [Always(), Always()])
    for step in range(3):
        watch.after_step(result(step), None)
    with (tmp_path / "log.jsonl").open("a") as stream:
        stream.write('{"event": "symp\n[1]\n')
    ((_, body),) = section(tmp_path)
    assert body.count("<tr>") == 1
    assert "nothing &lt;b&gt;new&lt;/b&gt;" in body


@pytest.mark.long
def test_the_report_of_a_run_has_the_section(tmp_path: Path) -> None:
    run = tmp_path / "run"
    quick = ("phases.damsm.steps=1", "phases.gan.steps=1", "phases.gan.sample_every=0")
    assert train_tiny(run, UNMEASURED, *quick).finished
    Watch(RunFolder(run), ConsoleReporter(), [Always()]).after_step(result(1), None)
    assert attnforge(["report", str(run)]) == 0
    assert "Signs of failure" in (run / "report.html").read_text()
