"""`attnforge eval` in several processes: the values are those of one, and one of them reports."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from evaluated_images import PROTOCOL, write_images
from process_group import processes
from small_networks import write_dinov2

from attnforge.cli import run as attnforge

CPU = ("--device", "cpu")
VARIABLES = {"ATTNFORGE_CACHE": "off"}


def values(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    return {name: data[name] for name in ("metrics", "conditions", "main")}


def evaluate_together(folder: Path, source: str, *options: str) -> dict[str, Any]:
    """The results of two processes, the second of which says nothing."""
    arguments = ("eval", source, "--protocol", "birds.yaml", *options, *CPU)
    with processes(*arguments, folder=folder, variables={0: VARIABLES, 1: VARIABLES}) as group:
        outputs = [process.communicate(timeout=300) for process in group]
        assert [process.returncode for process in group] == [0, 0], outputs
    assert "next: attnforge compare" in outputs[0][0]
    assert outputs[1] == ("", "")
    return values(folder / source / "results/birds.json")


def evaluate_alone(source: str, *options: str) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in VARIABLES.items():
            patch.setenv(name, value)
        assert attnforge(["eval", source, "--protocol", "birds.yaml", *options, *CPU]) == 0
    return values(Path(source) / "results/birds.json")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_dinov2(tmp_path / "dinov2")
    Path("birds.yaml").write_text(
        PROTOCOL.replace("network: pixels", "network: {use: timm, weights: dinov2}")
    )
    return tmp_path


@pytest.mark.long
def test_a_folder_has_the_same_values_in_two_processes(folder: Path) -> None:
    write_images(Path("mine"), 11)
    assert evaluate_together(folder, "mine") == evaluate_alone("mine")


@pytest.mark.long
def test_a_run_has_the_same_values_in_two_processes(trained: Path, folder: Path) -> None:
    shutil.copytree(trained, "run")
    options = ("data.test_count=12", "data.count=24")
    together = evaluate_together(folder, "run", *options)
    alone = evaluate_alone("run", *options)
    assert together["conditions"] == alone["conditions"]
    assert together["metrics"] == pytest.approx(alone["metrics"], abs=1e-6)


def test_other_commands_are_not_started_in_several_processes(capsys: pytest.CaptureFixture[str]) -> None:
    assert attnforge(["launch", "--processes", "2", "report", "run"]) == 2
    assert "`train` and `eval` run in several processes" in capsys.readouterr().err
