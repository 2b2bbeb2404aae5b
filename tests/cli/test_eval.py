"""`attnforge eval`: the metrics of checkpoints, where they are kept, and what may be changed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from tiny_run import train_tiny

from attnforge.cli import run as attnforge
from attnforge.evaluate.measured import read_measurements
from attnforge.recipe.seal import seal
from attnforge.storage.folder import RunFolder

Said = pytest.CaptureFixture[str]
CPU = ("--device", "cpu")


@pytest.fixture
def run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trained run with the checkpoints gan-0000004 and gan-0000005, to be changed at will."""
    monkeypatch.chdir(tmp_path)
    copy = Path(shutil.copytree(trained, tmp_path / "run"))
    shutil.rmtree(copy / "measured")
    return Path("run")


def measured(run: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((run / "measured").iterdir())]


def refused(said: Said, code: str) -> str:
    shown = said.readouterr().err
    assert f"error[{code}]" in shown
    assert "Traceback" not in shown
    return shown


def test_the_newest_checkpoint_gives_what_training_measured(run: Path, capsys: Said) -> None:
    result = json.loads((run / "result.json").read_text())
    assert attnforge(["eval", "run", *CPU]) == 0
    shown = capsys.readouterr().out
    assert "attribute accuracy" in shown
    assert re.search(r"metric +value +chance", shown)
    row = re.search(r"attribute accuracy \(%\) +([\d.]+) +([\d.]+)", shown)
    assert row is not None
    assert float(row[1]) == pytest.approx(100 * result["attribute accuracy"], abs=0.06)
    assert float(row[2]) == pytest.approx(100 * result["attribute accuracy chance"], abs=0.06)
    assert "R-precision" in shown
    assert "next: attnforge report run" in shown
    (one,) = measured(run)
    assert one["metrics"] == result
    assert (one["phase"], one["step"], one["checkpoint"]) == ("gan", 5, "gan-0000005")
    assert one["epoch"] == round(5 * 4 / 24, 3)
    assert one["network"] == "generator-average"
    assert one["protocol"]["captions"] == 12
    assert one["protocol"]["metrics"]["retrieval"]["candidates"] == 100
    assert one["recipe"]["name"] == "quickstart"
    assert len(one["recipe"]["digest"]) == len(one["weights"]) == 64
    assert {"attnforge", "torch"} <= one["versions"].keys()


def test_every_checkpoint_is_measured_once(run: Path, capsys: Said) -> None:
    assert attnforge(["eval", "run", "--every-checkpoint", *CPU]) == 0
    shown = capsys.readouterr()
    assert [one["checkpoint"] for one in measured(run)] == ["gan-0000004", "gan-0000005"]
    assert [line.split()[0] for line in shown.out.splitlines() if line.strip().startswith("gan")] == [
        "gan-0000004",
        "gan-0000005",
    ]
    assert "already measured" not in shown.err
    shutil.rmtree(run / "checkpoints/gan-0000004")
    assert attnforge(["eval", "run", "--every-checkpoint", "--json", *CPU]) == 0
    shown = capsys.readouterr()
    assert "gan-0000005: already measured" in shown.err
    assert [one["step"] for one in json.loads(shown.out)] == [5]


def test_a_named_checkpoint_and_another_protocol_are_kept_apart(run: Path, capsys: Said) -> None:
    command = ["eval", "run", "--checkpoint", "gan-0000004", "--json", *CPU]
    assert attnforge([*command, "--out", "mine.json"]) == 0
    assert attnforge([*command, "evaluation.captions=3", "evaluation.metrics.attributes=null"]) == 0
    capsys.readouterr()
    twelve, three = sorted(measured(run), key=lambda one: -one["metrics"]["captions"])
    assert (twelve["metrics"]["captions"], three["metrics"]["captions"]) == (12, 3)
    assert "attribute accuracy" in twelve["metrics"]
    assert "attribute accuracy" not in three["metrics"]
    assert twelve["recipe"] == three["recipe"]
    assert json.loads(Path("mine.json").read_text()) == [twelve]


def test_the_report_shows_the_metrics_of_a_run_that_was_stopped_early(run: Path) -> None:
    (run / "result.json").unlink()
    assert attnforge(["eval", "run", "--every-checkpoint", *CPU]) == 0
    assert attnforge(["report", "run", *CPU]) == 0
    page = (run / "report.html").read_text()
    data = json.loads(page.split('<script id="data" type="application/json">')[1].split("</script>")[0])
    assert "attribute accuracy" in [metric["name"] for metric in data["metrics"]]
    (gan,) = (phase for phase in data["phases"] if phase["phase"] == "gan")
    drawn = {
        series["name"]: (series["steps"], series["values"])
        for chart in gan["charts"]
        for series in chart["series"]
    }
    steps, values = drawn["attribute accuracy (%)"]
    assert steps == [4.0, 5.0]
    metrics = {one["checkpoint"]: one["metrics"] for one in measured(run)}
    accuracies = [100 * metrics[name]["attribute accuracy"] for name in ("gan-0000004", "gan-0000005")]
    assert values == pytest.approx(accuracies, rel=1e-4)
    assert data["sections"][0]["title"] == "Metrics at each checkpoint"
    assert "gan-0000004" in data["sections"][0]["html"]
    assert not any("measured" in note for note in data["notes"])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "generator.channels=8"], "bad-override", "the weights were trained with it"),
        (["run", "evaluation.every=2"], "bad-override", "--every-checkpoint"),
        (["run", "evaluation.caption=2"], "unknown-key", "`captions`"),
        (["run", "captions"], "bad-override", "KEY=VALUE"),
        (["run", "--checkpoint", "gan-0000001"], "no-such-checkpoint", "one of gan-0000004, gan-0000005"),
        (["run", "--checkpoint", "damsm-0000003"], "no-such-checkpoint", "gan-0000004"),
        (["nowhere"], "no-such-run", "ls runs"),
        (["run", "--out", "nowhere/metrics.json"], "metrics-not-written", "nowhere/metrics.json"),
    ],
)
def test_what_cannot_be_measured_is_said(
    run: Path, capsys: Said, arguments: list[str], code: str, said: str
) -> None:
    assert attnforge(["eval", *arguments, *CPU]) == 1
    assert said in refused(capsys, code)


def test_one_checkpoint_or_all_of_them(run: Path, capsys: Said) -> None:
    assert attnforge(["eval", "run", "--every-checkpoint", "--checkpoint", "gan-0000004"]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_a_run_without_metrics_says_how_to_name_one(run: Path, capsys: Said) -> None:
    text = (run / "recipe.lock.yaml").read_text()
    start, end = text.index("\n  metrics:") + 1, text.index("\n  every:") + 1
    (run / "recipe.lock.yaml").write_text(seal(f"{text[:start]}  metrics: {{}}\n{text[end:]}"))
    assert attnforge(["eval", "run", *CPU]) == 1
    step = refused(capsys, "no-metrics").split("next: attnforge ")[1].strip()
    assert attnforge([part.strip('"') for part in step.split(maxsplit=2)]) == 0
    assert "R-precision" in capsys.readouterr().out


def test_a_run_without_a_generator_yet_says_so(run: Path, capsys: Said) -> None:
    for folder in (run / "checkpoints").glob("gan-*"):
        shutil.rmtree(folder)
    assert attnforge(["eval", "run", *CPU]) == 1
    refused(capsys, "no-generator-yet")


def test_training_measures_every_so_many_steps_and_goes_on_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    every = ("evaluation.every=2", "phases.gan.sample_every=0")
    whole, halved = (RunFolder(tmp_path / name) for name in ("whole", "halved"))
    assert train_tiny(whole.path, *every).finished
    found = read_measurements(whole, phases=["damsm", "gan"])
    assert [(one.phase, one.step) for one in found] == [("gan", 2), ("gan", 4), ("gan", 5)]
    assert found[-1].metrics == json.loads((whole.path / "result.json").read_text())

    from attnforge.evaluate.measure import measure

    def press(*arguments: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)  # while the figures of step 2 are measured
        return measure(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr("attnforge.evaluate.measuring.measure", press)
        assert not train_tiny(halved.path, *every).finished
    assert [one.step for one in read_measurements(halved, phases=["gan"])] == [2]
    assert train_tiny(halved.path, *every, resume=True).finished
    again = read_measurements(halved, phases=["damsm", "gan"])
    assert [one.metrics for one in again] == [one.metrics for one in found]
    capsys.readouterr()
    command = ["eval", str(whole.path), "--checkpoint", "gan-0000004", "--json", *CPU]
    assert attnforge(command) == 0
    assert json.loads(capsys.readouterr().out)[0]["metrics"] == found[1].metrics


def test_a_run_that_starts_over_forgets_its_metrics(run: Path) -> None:
    assert attnforge(["eval", "run", *CPU]) == 0
    assert measured(run)
    for folder in (run / "checkpoints").iterdir():
        shutil.rmtree(folder)
    assert not list(run.glob("checkpoints/*"))
    train_tiny(run, "evaluation.metrics={attributes: null, retrieval: null}", resume=True)
    assert measured(run) == []


def test_a_metric_without_its_file_is_told_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.chdir(tmp_path)
    network = "{use: inception-v3, weights: nowhere.pth}"
    metric = f"evaluation.metrics.inception={{use: inception-score, network: {network}}}"
    assert attnforge(["train", "quickstart", "data.count=8", "data.test_count=4", metric]) == 1
    assert "nowhere.pth" in refused(capsys, "no-weights")
    assert list(tmp_path.iterdir()) == []
