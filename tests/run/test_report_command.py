"""`attnforge report` on runs that were trained, half trained, damaged or never there."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from attnforge.cli import run as attnforge
from attnforge.plugin import hookimpl, load_plugins
from attnforge.report import compose
from attnforge.report.compose import report_run
from attnforge.report.noises import NOISES
from attnforge.sampling.pipeline import Pipeline
from attnforge.sampling.samples import SampledCaptions, sampled_captions


@pytest.fixture
def finished(trained: Path, tmp_path: Path) -> Path:
    """A copy of a trained run, to be changed at will."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def data_of(report: Path) -> Any:
    match = re.search(r'<script id="data" type="application/json">(.*?)</script>', report.read_text())
    assert match
    return json.loads(match[1])


def test_a_trained_run_is_shown_whole(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attnforge(["report", str(finished), "--device", "cpu"]) == 0
    path = finished / "report.html"
    assert capsys.readouterr().out.strip().endswith(str(path))
    data = data_of(path)
    assert data["notes"] == []
    assert data["name"] == "quickstart"
    assert len(data["digest"]) == 64
    assert [phase["phase"] for phase in data["phases"]] == ["damsm", "gan"]
    captions = [entry["caption"] for entry in json.loads((finished / "samples/captions.json").read_text())]
    assert [one["caption"] for one in data["samples"]] == captions
    for one in data["samples"]:
        first, second = one["stages"]
        assert first["maps"] is None
        assert len(second["maps"]["share"]) == len(one["words"])
        assert sum(second["maps"]["share"]) == pytest.approx(1, abs=1e-2)
        regions = one["regions"]
        assert (regions["width"], regions["height"]) == (4, 4)
        assert len(regions["contrast"]) == len(one["words"])


def test_every_caption_is_shown_with_other_noise_beside_real_images(finished: Path) -> None:
    data = data_of(report_run(finished, device="cpu"))
    noises = data["noises"]
    assert [row["caption"] for row in noises["rows"]] == [one["caption"] for one in data["samples"]]
    for row in noises["rows"]:
        assert len(row["images"]) == len(set(row["images"])) == NOISES
        assert row["real"] != row["nearest"]
        assert all(uri.startswith("data:image/jpeg") for uri in (row["real"], row["nearest"], *row["images"]))
    assert 0 < noises["within"] < 255
    assert 0 < noises["between"] < 255
    assert noises["training_images"] > 0


def test_captions_of_another_test_split_have_no_real_images(finished: Path) -> None:
    path = finished / "samples/captions.json"
    path.write_text(json.dumps([{"caption": "a red bird", "index": 0}]))
    data = data_of(report_run(finished, device="cpu"))
    assert [one["caption"] for one in data["samples"]] == ["a red bird"]
    [row] = data["noises"]["rows"]
    assert row["real"] is None
    assert data["noises"]["between"] is None


def test_images_are_generated_with_what_the_test_split_gives_besides_captions(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as the boxes of a model that needs one for every image."""
    boxes = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.5]])
    given: list[Any] = []

    def sampled(parts: Any, *, count: int) -> SampledCaptions:
        return replace(sampled_captions(parts, count=count), extras={"box": boxes})

    def generate(self: Pipeline, captions: Any, *, extras: Any = None, **options: Any) -> Any:
        given.append(extras)
        return generated(self, captions, **options)

    generated = Pipeline.generate
    monkeypatch.setattr(compose, "sampled_captions", sampled)
    monkeypatch.setattr(Pipeline, "generate", generate)
    steps = data_of(report_run(finished, device="cpu"))["next"]
    assert [len(extras["box"]) for extras in given] == [2, 1, 2]
    assert [step["command"].endswith(" --with box=0.1,0.2,0.3,0.4") for step in steps] == [
        True,
        False,
        True,
        False,
    ]


def test_the_samples_are_those_of_the_last_samples(finished: Path) -> None:
    """Same captions, same noise, same weights: the report and the run's last sample agree."""
    data = data_of(report_run(finished, device="cpu"))
    for row, one in enumerate(data["samples"]):
        assert one["stages"][-1]["image"] == data["history"][0]["images"][row][-1]


def test_a_run_without_a_generator_gets_its_curves(finished: Path) -> None:
    for folder in (finished / "checkpoints").glob("gan-*"):
        shutil.rmtree(folder)
    data = data_of(report_run(finished, device="cpu"))
    assert data["samples"] == []
    assert len(data["phases"]) == 2
    assert any("no images" in note for note in data["notes"])


def test_what_to_do_next_depends_on_how_the_run_ended(finished: Path) -> None:
    data = data_of(report_run(finished, device="cpu"))
    first, *others = (step["command"] for step in data["next"])
    assert first.startswith("attnforge sample run '")
    assert others[-1] == "attnforge eval run --protocol offline"
    with (finished / "log.jsonl").open("a") as log:
        log.write('{"event": "resumed"}\n{"event": "ended", "reason": "failed", "error": "MemoryError"}\n')
    data = data_of(report_run(finished, device="cpu"))
    assert data["next"][0]["command"] == "attnforge train --resume run"
    assert "The last training failed with MemoryError." in data["notes"]
    assert len(data["next"]) == 5
    for folder in (finished / "checkpoints").glob("gan-*"):
        shutil.rmtree(folder)
    data = data_of(report_run(finished, device="cpu"))
    assert [step["command"] for step in data["next"]] == ["attnforge train --resume run"]
    with (finished / "log.jsonl").open("a") as log:
        log.write(
            '{"event": "ended", "reason": "finished"}\n'
        )  # of a recipe whose last phase is the encoders'
    data = data_of(report_run(finished, device="cpu"))
    assert [step["command"] for step in data["next"]] == ["attnforge train RECIPE pretrained.encoders=run"]


def test_captions_are_chosen_where_none_were_fixed(finished: Path) -> None:
    shutil.rmtree(finished / "samples")
    data = data_of(report_run(finished, device="cpu"))
    assert len(data["samples"]) == 2


def test_plugins_add_sections(finished: Path) -> None:
    def attnforge_report_sections(run: Path) -> list[tuple[str, str]]:
        return [("Palette", f"<b>{run.name}</b>")]

    module = ModuleType("palette")
    vars(module)["attnforge_report_sections"] = hookimpl(attnforge_report_sections)
    plugins = load_plugins(extra=[("palette", module)])
    data = data_of(report_run(finished, device="cpu", plugins=plugins))
    assert {"title": "Palette", "html": "<b>run</b>"} in data["sections"]


def test_a_plugin_whose_section_fails_is_charged_and_the_report_says_so(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def raising(run: Path) -> Iterator[tuple[str, str]]:
        yield "Palette", "half"
        raise ValueError("no <colours>")

    def untidy(run: Path) -> list[Any]:
        return [("Numbers", 5)]

    extra = []
    for name, function in (("palette", raising), ("untidy", untidy)):
        module = ModuleType(name)
        vars(module)["attnforge_report_sections"] = hookimpl(specname="attnforge_report_sections")(function)
        extra.append((name, module))
    plugins = load_plugins(extra=extra)
    for said in ("no &lt;colours&gt;", "it raised earlier"):  # the second report is of the same process
        sections = {
            one["title"]: one["html"]
            for one in data_of(report_run(finished, device="cpu", plugins=plugins))["sections"]
        }
        assert said in sections["Plugin palette"]
        assert "Plugin untidy" in sections
        assert "Palette" not in sections
        assert "Machine" in sections
    shown = capsys.readouterr().err
    assert shown.count("plugin palette raised in attnforge_report_sections: ValueError") == 1
    assert shown.count("plugin untidy raised") == 1


def test_a_missing_run_names_the_next_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attnforge(["report", str(tmp_path / "nowhere")]) == 1
    shown = capsys.readouterr().err
    assert "error[no-such-run]" in shown
    assert "next: " in shown
    assert "Traceback" not in shown


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attnforge(["report", str(tmp_path)]) == 1
    assert "error[not-a-run]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_checkpoints_is_told_how_to_go_on(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(finished / "checkpoints")
    assert attnforge(["report", str(finished)]) == 1
    shown = capsys.readouterr().err
    assert "error[no-generator-yet]" in shown
    assert f"next: attnforge train --resume {finished}" in shown
    assert not (finished / "report.html").exists()
