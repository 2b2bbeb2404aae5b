"""A sweep over systems: seeds, encoders that measure only, rows that train nothing, and what runs took."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from tiny_run import TINY, shared_tiny

from attnforge.cli import run as attnforge
from attnforge.plugin import load_plugins
from attnforge.sweep.plan import plan_sweep

Said = pytest.CaptureFixture[str]

ONCE = ("phases.gan.checkpoint_every", "phases.gan.sample_every", "phases.damsm=")
SMALL = "\n".join(
    f"  {key}: {value}"
    for key, _, value in (override.partition("=") for override in TINY)
    if not f"{key}=".startswith(ONCE)
)
SWEEP = """\
summary: Two systems.
recipe: quickstart
encoders: {{run: {encoders}}}
independent: {{metric: independent, run: {independent}}}
seeds: [1, 2]
budget: {{minutes: 10, steps: 5, parameters: 100000}}
set:
{small}
  phases.gan.sample_every: 0
  training.device: cpu
  evaluation.metrics: {{independent: {{use: r-precision, candidates: 4}}, score: attribute-score}}
also:
  wide: {{set: {{discriminator.channels: 6}}}}
  truncated: {{of_highest: attribute score, set: {{sampling: {{use: noise, truncation: 0.5}}}}}}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sweep.yaml and `out`, what it wrote; not to be changed."""
    folder = tmp_path_factory.mktemp("systems")
    temporary = tmp_path_factory.getbasetemp()
    own = shared_tiny(temporary, "tiny")
    other = shared_tiny(temporary, "other-seed", "training.seed=7", "phases.gan.steps=1")
    text = SWEEP.format(encoders=own, independent=other, small=SMALL)
    (folder / "sweep.yaml").write_text(text)
    assert attnforge(["sweep", str(folder / "sweep.yaml"), "--out", str(folder / "out")]) == 0
    return folder


def runs_of(folder: Path) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads((folder / "out/results.json").read_text())["runs"]
    return runs


def test_a_row_is_the_mean_of_its_seeds_with_what_they_took(finished: Path) -> None:
    runs = runs_of(finished)
    assert [(run["configuration"], run["seed"], run["of"]) for run in runs] == [
        ("wide", 1, None),
        ("wide", 2, None),
        ("truncated", 1, "wide"),
        ("truncated", 2, "wide"),
    ]
    assert all(run["finished"] for run in runs)
    assert {run["folder"] for run in runs} == {"wide-seed-1", "wide-seed-2"}
    assert [run["steps"] for run in runs] == [{"gan": 5}] * 4
    assert 1_000 < runs[0]["parameters"] < 100_000

    lines = (finished / "out/results.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert rows[0][:5] == ["configuration", "parameters", "steps", "minutes", "epoch"]
    assert [row[0] for row in rows[2:]] == ["wide", "truncated (of wide)"]
    assert rows[2][1:3] == [f"{runs[0]['parameters']:,}", "5"]
    for cells, two in ((rows[2], runs[:2]), (rows[3], runs[2:])):
        name = next(
            name for name in two[0]["measurements"][-1]["metrics"] if name.startswith("attribute score")
        )
        values = [run["measurements"][-1]["metrics"][name] for run in two]
        expected = f"{fmean(values):.2f} ({min(values):.2f} to {max(values):.2f})"
        assert cells[rows[0].index("attribute score")] == expected
    assert "Values of several seeds are their mean" in lines[-1]


def test_a_row_that_trains_nothing_is_measured_with_its_own_values(finished: Path) -> None:
    plain, _, truncated, _ = runs_of(finished)
    assert plain["protocol"] != truncated["protocol"]
    protocols = json.loads((finished / "out/results.json").read_text())["protocols"]
    assert "sampling" not in protocols[plain["protocol"]]
    assert protocols[truncated["protocol"]]["sampling"]["truncation"] == 0.5
    metrics = [run["measurements"][-1]["metrics"] for run in (plain, truncated)]
    assert metrics[0] != metrics[1]
    assert len(list((finished / "out/wide-seed-1/measured").glob("*.json"))) == 2


def test_every_run_is_measured_with_encoders_that_trained_none(finished: Path) -> None:
    for run in runs_of(finished):
        names = [name for name in run["measurements"][-1]["metrics"] if name.endswith(")")]
        own, independent = (
            [name for name in names if name.startswith(start)]
            for start in ("attribute score (", "R-precision (encoders ")
        )
        assert len(own) == len(independent) == 1


def test_a_configuration_that_is_added_later_trains_alone(
    finished: Path, tmp_path: Path, capsys: Said
) -> None:
    shutil.copytree(finished, tmp_path / "copy")
    text = (tmp_path / "copy/sweep.yaml").read_text()
    (tmp_path / "copy/sweep.yaml").write_text(text.replace("  wide:", "  narrow: {}\n  wide:"))
    arguments = ["sweep", str(tmp_path / "copy/sweep.yaml"), "--out", str(tmp_path / "copy/out")]
    assert attnforge([*arguments, "--dry-run"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if ", seed" in line]
    assert [(line[0], line[-1]) for line in lines] == [
        ("narrow,", "new"),
        ("wide,", "finished"),
        ("narrow,", "new"),
        ("wide,", "finished"),
    ]


@pytest.mark.parametrize(
    ("name", "overrides"),
    [("table-3-sketch-birds", []), ("table-3-cub", []), ("table-3-coco", [])],
)
def test_the_table_of_the_paper_ships_as_a_sweep(name: str, overrides: list[str]) -> None:
    plan = plan_sweep(name, overrides=overrides, plugins=load_plugins())
    assert plan.configurations[0] == "GAN-INT-CLS"
    assert {run.seed for run in plan.runs} == {1, 2}
    assert "AttnGAN2" in plan.configurations
    assert len(plan.runs) == 2 * (len(plan.configurations) - len(plan.measurements))


@pytest.mark.long
def test_work_is_counted_before_it_is_done(finished: Path, capsys: Said) -> None:
    arguments = ["sweep", str(finished / "sweep.yaml"), "--out", str(finished / "out"), "--dry-run"]
    assert attnforge([*arguments, "--estimate", "--teraflops", "1"]) == 0
    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if line.startswith(" wide, seed 2   gan")]
    run, steps, teraflop, hours = line.split("seed 2")[1].split()
    assert (run, steps) == ("gan", "5")
    assert float(hours) == pytest.approx(5 * float(teraflop) / 3600, rel=0.01)
    assert "hours on one GPU that reaches 1 TFLOP/s" in shown

    assert attnforge(["sweep", "lambda-quickstart", "--estimate"]) == 2
    assert "--dry-run" in capsys.readouterr().err
