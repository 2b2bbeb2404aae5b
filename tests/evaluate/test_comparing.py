"""Results side by side: what may be compared, intervals of differences, and every format of the table."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from torch import Tensor

import attnforge
from attnforge.cli import run as command
from attnforge.errors import RunError
from attnforge.evaluate.comparing import compare, paired_interval
from attnforge.evaluate.results import Result, differences, find_result, read_result

SHARE = "R-precision"
DISTANCE = "FD (given, 0)"


def shares(hits: int, count: int = 200) -> Tensor:
    """So many images that find their caption, each with weight 1."""
    values = torch.zeros(count, 2, dtype=torch.double)
    values[:hits, 0] = 1
    values[:, 1] = 1
    return values


def result(system: str, hits: int, distance: float, **conditions: Any) -> Result:
    return Result(
        system=system,
        protocol="offline",
        metrics={
            "captions": 200,
            SHARE: hits / 200,
            f"{SHARE} chance": 0.01,
            DISTANCE: distance,
            f"{DISTANCE} note": "too high with 200 images",
        },
        main={"retrieval": SHARE, "fd": DISTANCE},
        better={"retrieval": "higher", "fd": "lower"},
        conditions={
            "captions": "abc",
            "images": 200,
            "networks": {"given, 0": {"weights": "1"}},
            "metrics": {"fd": {"use": "frechet-distance"}},
            **conditions,
        },
        evaluation={"captions": 200},
        versions={"torch": "2"},
        device="cpu",
        seconds=1.0,
        per_image={SHARE: shares(hits)},
    )


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = result("runs/a", 100, 3.0)
    path = tmp_path / "runs" / "a" / "results" / "offline.json"
    written.write(path)
    found = read_result(find_result(tmp_path / "runs" / "a", protocol=None))
    assert found.plain() == written.plain()
    assert torch.equal(found.per_image[SHARE], written.per_image[SHARE])
    replace(written, per_image={}).write(path)
    assert read_result(path).per_image == {}


def test_the_interval_of_a_difference_is_that_of_pairs() -> None:
    """150 of 200 against 140, where the images agree: +5 points, certain, though each share is not."""
    interval = paired_interval(shares(140), shares(150), seed=1)
    assert interval is not None
    assert interval.difference == pytest.approx(0.05)
    # of pairs: a share of 0.05 of 200 has a standard error of 0.0154; of single shares it would be 0.045
    assert interval.low == pytest.approx(0.05 - 1.96 * 0.0154, abs=0.008)
    assert interval.high == pytest.approx(0.05 + 1.96 * 0.0154, abs=0.008)
    assert interval.clear
    same = paired_interval(shares(140), shares(140), seed=1)
    assert same is not None
    assert (same.difference, same.low, same.high, same.clear) == (0, 0, 0, False)
    assert paired_interval(shares(140), None, seed=1) is None
    assert paired_interval(shares(140), shares(70, 100), seed=1) is None


def test_weights_of_images_count() -> None:
    """Four colours asked and three there, one asked and none there: 3 of 5, and not the mean of shares."""
    first = torch.tensor([[3.0, 4.0], [0.0, 1.0]]).double()
    interval = paired_interval(torch.zeros(2, 2).double() + 1, first, seed=1)
    assert interval is not None
    assert interval.difference == pytest.approx(3 / 5 - 1)


def test_other_conditions_are_refused_unless_asked_for() -> None:
    first = result("runs/a", 100, 3.0)
    others = {
        "captions: abc and other": result("runs/b", 100, 3.0, captions="other"),
        "networks: given, 0: weights: 1 and 2": result(
            "runs/b", 100, 3.0, networks={"given, 0": {"weights": "2"}}
        ),
        "images: 200 and 7": result("runs/b", 100, 3.0, images=7),
        'metrics: kid: none and {"use": "kernel-distance"}': result(
            "runs/b",
            100,
            3.0,
            metrics={"fd": {"use": "frechet-distance"}, "kid": {"use": "kernel-distance"}},
        ),
    }
    for text, other in others.items():
        assert differences(first, other) == [text]
        with pytest.raises(RunError) as error:
            compare([first, other])
        assert [problem.code for problem in error.value.problems] == ["not-comparable"]
        table = compare([first, other], anyway=True)
        assert any(text in note for note in table.notes)
        assert table.rows[0].intervals == [None]
        assert table.rows[0].best == set()


def test_every_format_has_all_values() -> None:
    table = compare([result("runs/a", 100, 3.0), result("runs/b_1", 150, 4.0)])
    assert table.systems == ["a", "b_1"]
    markdown = table.text("markdown").splitlines()
    assert markdown[0] == "| metric | a | b_1 |"
    assert markdown[2].startswith("| R-precision (%) | 50.0 | **75.0 [+1")
    assert markdown[3] == "| FD | **3.000** | 4.000 |"
    assert "*" in markdown[2].split("]")[1]
    assert "FD (given, 0)" in table.text("markdown")
    assert "too high with 200 images" in table.text("terminal")
    rows = list(csv.reader(table.text("csv").splitlines()))
    assert rows[0] == ["metric", "a", "b_1"]
    assert rows[2] == ["FD (given, 0)", "3.000", "4.000"]
    latex = table.text("latex")
    assert r"metric & a & b\_1 \\" in latex
    assert r"FD & \textbf{3.000} & 4.000 \\" in latex
    terminal = table.text("terminal").splitlines()
    assert terminal[0].split() == ["metric", "a", "b_1"]


def test_the_command_compares_runs_folders_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    result("runs/a", 100, 3.0).write(Path("runs/a/results/offline.json"))
    result("other", 150, 4.0).write(Path("other.json"))
    assert command(["compare", "runs/a", "other.json", "--format", "markdown", "--out", "table.md"]) == 0
    assert Path("table.md").read_text().startswith("| metric | a | other |")
    result("runs/a", 100, 3.0).write(Path("runs/a/results/mine.json"))
    refused = {
        ("runs/a", "other.json"): "several protocols",
        ("other.json", "nowhere"): "has no results",
        ("table.md", "other.json"): "has no results",
    }
    for sources, message in refused.items():
        assert command(["compare", *sources]) == 1
        shown = capsys.readouterr().err
        assert "error[no-results]" in shown
        assert message in shown
    Path("broken.json").write_text(json.dumps({"metrics": {}}))
    assert command(["compare", "other.json", "broken.json"]) == 1
    assert "error[no-results]" in capsys.readouterr().err
    assert command(["compare", "other.json"]) == 2


def test_two_recipes_are_compared_by_their_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["compare", "--recipes", "attngan1-cub", "attngan2-cub"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("attngan1-cub -> attngan2-cub")
    assert 'generator.stages.2.use: absent -> "refine"' in shown
    assert "data.use" not in shown
    assert command(["compare", "--recipes", "attngan2-cub", "attngan2-cub"]) == 0
    assert "the same values" in capsys.readouterr().out


def test_a_plot_has_a_bar_for_each_value_with_an_interval(tmp_path: Path) -> None:
    first, second = result("runs/a", 100, 3.0), result("runs/b", 150, 4.0)
    second.metrics[f"{DISTANCE} deviation"] = 0.5
    for number, system in enumerate((first, second)):
        system.write(tmp_path / f"{number}.json")
    figure, sources = tmp_path / "figure.svg", [str(tmp_path / f"{number}.json") for number in range(2)]
    assert command(["compare", *sources, "--plot", str(figure)]) == 0
    drawn = ElementTree.fromstring(figure.read_text())
    texts = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"R-precision (%)", "FD", "a", "b"} <= set(texts)
    share, distance = compare([first, second]).rows
    known = [point for point in share.points if point is not None]
    assert [point.value for point in known] == [50, 75]
    # of 200 images, a half has a standard error of 3.5 percentage points
    assert [known[0].low, known[0].high] == pytest.approx([50 - 1.96 * 3.54, 50 + 1.96 * 3.54], abs=1)
    assert [(point.low, point.high) for point in distance.points if point] == [(3, 3), (3.5, 4.5)]
    assert command(["compare", *sources, "--plot", str(tmp_path / "0.json" / "figure.svg")]) == 1
    assert command(["compare", "quickstart", "damsm-cub", "--recipes", "--plot", str(figure)]) == 2


def test_intervals_are_in_the_unit_of_their_row() -> None:
    """A CLIP score is no share, so its differences are no percentage points."""
    systems = [result("runs/a", 100, 3.0), result("runs/b", 150, 4.0)]
    for system, score in zip(systems, (0.5, 0.75), strict=True):
        system.metrics["CLIP score (clip, 0)"] = score
        system.per_image["CLIP score (clip, 0)"] = system.per_image[SHARE]
    text = compare(systems).text("csv")
    assert '"CLIP score (clip, 0)",0.500,"0.750 [+0.' in text
    assert 'R-precision (%),50.0,"75.0 [+1' in text


def test_python_compares_results_and_paths_by_their_titles(tmp_path: Path) -> None:
    first, second = result("runs/a", 120, 10.0), result("runs/b", 150, 8.0)
    first.write(tmp_path / "a" / "results" / "offline.json")
    table = attnforge.compare({"before": tmp_path / "a", "after": second})
    assert table.systems == ["before", "after"]
    assert table._repr_markdown_().startswith("| metric | before | after |\n")
    assert attnforge.compare([first, second]).systems == ["a", "b"]
    with pytest.raises(RunError, match="not-comparable"):
        attnforge.compare([first])


def test_a_notebook_shows_values_with_chance_and_notes() -> None:
    assert result("runs/a", 120, 10.0)._repr_markdown_().splitlines() == [
        "| metric | value | chance |",
        "| --- | ---: | ---: |",
        "| R-precision (%) | 60.0 | 1.0 |",
        "| FD | 10.000 |  |",
        "",
        "FD: too high with 200 images.",
    ]
