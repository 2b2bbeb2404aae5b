"""`attnforge sweep`: a grid of runs, checked before any is trained, resumed, and compared."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from spoiled_steps import spoil_adversarial_loss
from tiny_run import TINY

from attnforge.cli import run as attnforge

Said = pytest.CaptureFixture[str]

SMALL = "\n".join(
    f"  {key}: {value}"
    for key, _, value in (one.partition("=") for one in TINY)
    if not key.startswith(("phases.gan.checkpoint_every", "phases.gan.sample_every"))
)
SWEEP = f"""\
summary: Two weights of DAMSM.
recipe: quickstart
encoders: {{recipe: quickstart}}
set:
{SMALL}
  phases.gan.sample_every: 0
  evaluation.every: 2
  training.device: cpu
baselines:
  no DAMSM: {{set: {{losses.damsm: null}}}}
grid:
  losses.damsm.weight: [0.1, 5]
label: "λ = {{losses.damsm.weight}}"
"""
LABELS = ["no DAMSM", "λ = 0.1", "λ = 5"]
FOLDERS = ["encoders", "no-DAMSM", "λ-0.1", "λ-5"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sweep.yaml and `out`, what it gave without interruption; not to be changed."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "sweep.yaml").write_text(SWEEP)
    assert attnforge(["sweep", str(folder / "sweep.yaml"), "--out", str(folder / "out")]) == 0
    return folder


def sweep(folder: Path, text: str = SWEEP, *arguments: str) -> int:
    (folder / "sweep.yaml").write_text(text)
    return attnforge(["sweep", str(folder / "sweep.yaml"), "--out", str(folder / "out"), *arguments])


def refused(said: Said, code: str) -> str:
    shown = said.readouterr().err
    assert f"error[{code}]" in shown
    assert "Traceback" not in shown
    return shown


def measured(out: Path) -> list[dict[str, Any]]:
    """The runs of results.json without what no two machines have in common: how long they took."""
    runs: list[dict[str, Any]] = json.loads((out / "results.json").read_text())["runs"]
    return [{key: value for key, value in run.items() if key != "minutes"} for run in runs]


def test_every_run_is_measured_over_training_in_table_plot_and_files(finished: Path) -> None:
    out = finished / "out"
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == sorted(FOLDERS)
    runs = measured(out)
    assert [run["configuration"] for run in runs] == LABELS
    assert [run["settings"] for run in runs[1:]] == [{"losses.damsm.weight": 0.1}, {"losses.damsm.weight": 5}]
    assert all([one["step"] for one in run["measurements"]] == [2, 4, 5] for run in runs)
    last = [run["measurements"][-1]["metrics"] for run in runs]
    assert last == [json.loads((out / run["folder"] / "result.json").read_text()) for run in runs]

    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    assert [(row["configuration"], row["step"]) for row in rows] == [
        (label, step) for label in LABELS for step in ("2", "4", "5")
    ]
    assert float(rows[2]["attribute accuracy"]) == last[0]["attribute accuracy"]

    lines = (out / "results.md").read_text().splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert table[0] == ["configuration", "epoch", "attribute accuracy (%)", "R-precision (%)"]
    assert [row[:3] for row in table[2:]] == [
        [label, "0.833", f"{100 * metrics['attribute accuracy']:.1f}"]
        for label, metrics in zip(LABELS, last, strict=True)
    ]
    assert "Measured on 12 captions" in lines[-1]

    image = ElementTree.parse(out / "figure.svg")
    texts = [element.text for element in image.iter("{http://www.w3.org/2000/svg}text")]
    assert {"attribute accuracy (%)", "R-precision (%)", "epoch", *LABELS} <= set(texts)


def test_runs_share_the_encoders_that_are_trained_once(finished: Path) -> None:
    assert [path.parts[-3] for path in (finished / "out").glob("*/checkpoints/damsm-0000003")] == ["encoders"]
    assert not list((finished / "out/encoders/checkpoints").glob("gan-*"))


def test_a_finished_sweep_only_rewrites_its_results(finished: Path, tmp_path: Path, capsys: Said) -> None:
    shutil.copytree(finished / "out", tmp_path / "out")
    # the place of the encoders is no part of what a run decides, so a sweep may be moved
    before = {name: (tmp_path / "out" / name).read_text() for name in ("results.md", "figure.svg")}
    for name in ("results.json", "results.csv", *before):
        (tmp_path / "out" / name).unlink()
    steps = (tmp_path / "out/λ-5/metrics.jsonl").read_text()
    assert sweep(tmp_path) == 0
    said = capsys.readouterr()
    assert (said.out + said.err).count("already finished") == 4
    assert (tmp_path / "out/λ-5/metrics.jsonl").read_text() == steps
    assert {name: (tmp_path / "out" / name).read_text() for name in before} == before
    assert measured(tmp_path / "out") == measured(finished / "out")


def test_an_interrupted_sweep_resumes_to_the_same_results(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    from attnforge.evaluate.measure import measure

    calls = 0

    def press(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 4:  # while the second run is measured for the first time
            os.kill(os.getpid(), signal.SIGINT)
        return measure(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr("attnforge.evaluate.measuring.measure", press)
        assert sweep(tmp_path) == 130
    said = capsys.readouterr()
    assert f"attnforge sweep {tmp_path / 'sweep.yaml'} --out {tmp_path / 'out'}" in said.out + said.err
    assert [run["finished"] for run in measured(tmp_path / "out")] == [True, False, False]
    assert "Not finished: λ = 0.1; λ = 5." in (tmp_path / "out/results.md").read_text()

    assert sweep(tmp_path, SWEEP, "--dry-run") == 0
    states = [line.split()[-1] for line in capsys.readouterr().out.splitlines() if "quickstart" in line]
    assert states == ["finished", "finished", "started", "new"]

    assert sweep(tmp_path) == 0
    said = capsys.readouterr()
    assert (said.out + said.err).count("already finished") == 2
    assert measured(tmp_path / "out") == measured(finished / "out")


def test_a_dry_run_trains_nothing(tmp_path: Path, capsys: Said) -> None:
    assert sweep(tmp_path, SWEEP, "--dry-run") == 0
    shown = capsys.readouterr().out
    assert all(label in shown for label in ["encoders for all runs", *LABELS])
    assert not (tmp_path / "out").exists()


def test_a_run_that_was_started_with_other_values_is_refused(
    finished: Path, tmp_path: Path, capsys: Said
) -> None:
    shutil.copytree(finished / "out", tmp_path / "out")
    assert sweep(tmp_path, SWEEP, "phases.gan.batch_size=3") == 1
    shown = refused(capsys, "sweep-changed")
    assert "λ-5" in shown
    assert "out/encoders was started" not in shown  # the change does not concern it


def test_a_run_that_fails_does_not_keep_the_others_from_being_trained(
    finished: Path, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_adversarial_loss(monkeypatch, when=lambda task: task.learning_rates[0] == 0.5)
    shutil.copytree(finished / "out", tmp_path / "out")
    grown = (
        "also:\n"
        "  grown: {set: {phases.gan.task.generator_learning_rate: 0.5}}\n"
        "  λ = 7: {set: {losses.damsm.weight: 7}}\n"
    )
    assert sweep(tmp_path, SWEEP + grown) == 1
    assert "grown: " in refused(capsys, "not-a-number")
    assert {run["configuration"]: run["finished"] for run in measured(tmp_path / "out")} == {
        **dict.fromkeys([*LABELS, "λ = 7"], True),
        "grown": False,
    }


def test_every_problem_of_a_file_is_reported_with_its_place(tmp_path: Path, capsys: Said) -> None:
    text = (
        "recipe: quickstart\n"
        "grids:\n"
        "  a: [1]\n"
        "grid: {losses.damsm.weight: []}\n"
        "also:\n"
        "  x: {recipee: quickstart}\n"
    )
    assert sweep(tmp_path, text) == 1
    shown = refused(capsys, "unknown-key")
    places = re.findall(r"sweep\.yaml:(\d+):(\d+)", shown)
    assert {("2", "1"), ("6", "7")} <= set(places)
    assert "4" in {line for line, _ in places}
    assert "`grid`" in shown
    assert "`recipe`" in shown
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("recipe: quickstart\ngrid: {losses.damsm.weigth: [1, 2]}\n", "unknown-key", "sweep.yaml:2:21"),
        ("recipe: quickstart\ngrid: {losses.damsm.weight: [1, heavy]}\n", "wrong-type", "sweep.yaml:2:33"),
        ("recipe: quickstart\n", "empty-sweep", "`also:`"),
        ("recipe: quickstat\ngrid: {training.seed: [1]}\n", "unknown-recipe", "sweep.yaml:1:9"),
        ("recipe: [quickstart\n", "bad-yaml", "sweep.yaml:"),
        ("- quickstart\n", "bad-yaml", "`grid:`"),
        ("grid: {training.seed: [1]}\n", "missing-value", "recipe"),
        ("recipe: quickstart\ngrid: {training.seed: [1, 2]}\nlabel: one\n", "same-name", "sweep.yaml:2"),
        (
            'recipe: quickstart\ngrid: {training.seed: [1]}\nlabel: "{training.sed}"\n',
            "unknown-key",
            "`{training.seed}`",
        ),
        (
            "recipe: quickstart\ngrid: {training.seed: [1]}\nencoders: {run: nowhere}\n",
            "no-such-run",
            "sweep.yaml:3:17",
        ),
        ("recipe: damsm-cub\ngrid: {training.seed: [1]}\n", "no-metrics", "sweep.yaml:2"),
        (
            "recipe: quickstart\ngrid: {training.seed: [1]}\nencoders: {set: {phases.damsm: null}}\n",
            "no-encoder-phase",
            "sweep.yaml:3:11",
        ),
        ("recipe: quickstart\nseeds: [1, 2]\ngrid: {training.seed: [1]}\n", "two-seeds", "sweep.yaml:3:8"),
        ("recipe: quickstart\nseeds: [1, 1]\nalso: {a: {}}\n", "same-name", "sweep.yaml:2:12"),
        ("recipe: quickstart\nseeds: []\nalso: {a: {}}\n", "bad-value", "sweep.yaml:2"),
        ("recipe: quickstart\nalso: {encoders-a: {}}\n", "same-name", "sweep.yaml:2:8"),
        ("recipe: quickstart\nalso: {a: {}, b: {of: A}}\n", "unknown-configuration", "sweep.yaml:2:23"),
        ("recipe: quickstart\nalso: {a: {}, b: {of: a, recipe: quickstart}}\n", "measures-only", "`recipe`"),
        ("recipe: quickstart\nalso: {a: {}, b: {of: a, of_highest: x}}\n", "measures-only", "`of_highest`"),
        (
            "recipe: quickstart\nalso: {a: {}, b: {of: a, set: {training.seed: 2}}}\n",
            "measures-only",
            "`training.seed`",
        ),
        (
            "recipe: quickstart\nalso: {a: {}, b: {of_highest: x, set: {sampling: nois}}}\n",
            "unknown-component",
            "`noise`",
        ),
        ("recipe: quickstart\nbudget: {steps: 1000}\nalso: {a: {}}\n", "over-budget", "sweep.yaml:3:8"),
        ("recipe: quickstart\nbudget: {parameters: 10}\nalso: {a: {}}\n", "over-budget", "parameters"),
        (
            "recipe: quickstart\nindependent: {metric: other, run: nowhere}\nalso: {a: {}}\n",
            "no-such-run",
            "sweep.yaml:2:35",
        ),
        (
            "recipe: quickstart\nindependent: {metric: other, recipe: damsm-sketch-birds}\nalso: {a: {}}\n",
            "missing-use",
            "sweep.yaml:2:23",
        ),
    ],
)
def test_a_file_that_cannot_be_swept_is_refused_before_training(
    tmp_path: Path, capsys: Said, text: str, code: str, said: str
) -> None:
    assert sweep(tmp_path, text) == 1
    assert said in refused(capsys, code)
    assert not (tmp_path / "out").exists()


def test_values_that_only_measure_may_change_afterwards(finished: Path, tmp_path: Path, capsys: Said) -> None:
    shutil.copytree(finished / "out", tmp_path / "out")
    for override, state in (("evaluation.captions=8", "remeasured"), ("phases.gan.batch_size=3", "changed")):
        assert sweep(tmp_path, SWEEP, "--dry-run", override) == 0
        states = [line.split()[-1] for line in capsys.readouterr().out.splitlines() if "quickstart" in line]
        assert states[1:] == [state] * 3


def test_an_unknown_name_lists_those_that_ship(capsys: Said) -> None:
    assert attnforge(["sweep", "lambda-cup"]) == 1
    assert "`lambda-cub`" in refused(capsys, "unknown-sweep")


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        (
            "lambda-cub",
            [
                "AttnGAN1, no DAMSM",
                *(f"AttnGAN1, λ = {weight}" for weight in (0.1, 1, 5, 10)),
                "AttnGAN2, λ = 5",
            ],
        ),
        ("lambda-quickstart", ["no DAMSM", "λ = 0.1", "λ = 1", "λ = 5", "λ = 10"]),
    ],
)
def test_the_sweeps_that_ship_are_the_ablation_of_the_paper(name: str, labels: list[str]) -> None:
    from attnforge.plugin import load_plugins
    from attnforge.sweep.plan import plan_sweep

    plan = plan_sweep(name, plugins=load_plugins())
    assert [run.label for run in plan.runs] == labels
    (encoders,) = plan.encoders
    assert encoders.resolved is not None
    weights = [(run.resolved.data()["losses"].get("damsm") or {}).get("weight") for run in plan.runs]
    assert weights == [None, 0.1, 1, 5, 10, 5][: len(labels)]


def test_the_sweeps_of_the_docs_are_ones_that_work(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/sweep.md").read_text()
    texts = re.findall(r"^```yaml\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    from attnforge.plugin import load_plugins
    from attnforge.sweep.plan import plan_sweep

    plans = []
    for text in texts:
        (tmp_path / "sweep.yaml").write_text(text)
        plans.append(plan_sweep(tmp_path / "sweep.yaml", plugins=load_plugins()))
    weights, systems = plans
    named = plan_sweep("lambda-quickstart", plugins=load_plugins())
    assert [run.label for run in weights.runs] == [run.label for run in named.runs]
    assert systems.configurations == ("GAN-INT-CLS", "AttnGAN2", "truncated noise")
