"""A whole training run: what it leaves behind, how it stops, how it goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file
from spoiled_steps import spoil_matching_loss
from tiny_run import TINY, tiny, train_tiny

from attnforge.errors import AttnforgeError
from attnforge.plugin import hookimpl, load_plugins
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.storage.checkpoints.search import newest_checkpoint
from attnforge.storage.folder import RunFolder
from attnforge.train.progress import ConsoleReporter

UNMEASURED = "evaluation.metrics={attributes: null, retrieval: null}"


def weights(run: Path, checkpoint: str) -> dict[str, torch.Tensor]:
    return {
        f"{file.stem}/{name}": tensor
        for file in sorted((run / "checkpoints" / checkpoint).glob("*.safetensors"))
        for name, tensor in load_file(file).items()
    }


def scalars(run: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def stopper(phase_to_stop: str, step_to_stop: int) -> ModuleType:
    """A plugin that presses Ctrl-C after a step."""
    module = ModuleType("stopper")

    @hookimpl
    def attnforge_step_end(phase: str, step: int) -> None:
        if (phase, step) == (phase_to_stop, step_to_stop):
            os.kill(os.getpid(), signal.SIGINT)

    module.attnforge_step_end = attnforge_step_end  # type: ignore[attr-defined]
    return module


def codes(error: pytest.ExceptionInfo[AttnforgeError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def test_a_run_leaves_everything_behind(trained: Path) -> None:
    assert [row["step"] for row in scalars(trained) if row["phase"] == "damsm"] == [1, 2, 3]
    assert [row["step"] for row in scalars(trained) if row["phase"] == "gan"] == [1, 2, 3, 4, 5]
    assert sorted(path.name for path in (trained / "checkpoints").iterdir()) == [
        "damsm-0000002",
        "damsm-0000003",
        "gan-0000004",
        "gan-0000005",
    ]
    captions = json.loads((trained / "samples/captions.json").read_text())
    assert len(captions) == 2
    for step in (3, 5):
        assert sorted(path.name for path in (trained / f"samples/gan-{step:07d}").iterdir()) == [
            "00.png",
            "01.png",
        ]
    metrics = json.loads((trained / "result.json").read_text())
    assert metrics["captions"] == 12
    assert 0 <= metrics["attribute accuracy"] <= 1
    events = [json.loads(line)["event"] for line in (trained / "log.jsonl").read_text().splitlines()]
    assert events[:2] == ["few-images", "started"]
    assert events[-1] == "ended"


def test_the_frozen_recipe_in_the_run_is_the_recipe(trained: Path) -> None:
    assert resolve(trained / "recipe.lock.yaml").digest == resolve("quickstart", overrides=list(TINY)).digest


@pytest.mark.parametrize(("phase", "step"), [("damsm", 2), ("gan", 1), ("gan", 3)])
def test_a_stopped_run_goes_on_to_the_same_weights(
    trained: Path, tmp_path: Path, phase: str, step: int
) -> None:
    path = tmp_path / "stopped"
    plugins = load_plugins(extra=[("stopper", stopper(phase, step))])
    resolved = resolve("quickstart", overrides=[*TINY], plugins=plugins)
    first = train(resolved, path, resume=False, reporter=ConsoleReporter())
    assert not first.finished
    checkpoint = newest_checkpoint(path / "checkpoints", phases=[phase]).checkpoint
    assert checkpoint is not None
    assert checkpoint.step == step
    events = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    saved = [event["checkpoint"] for event in events if event["event"] == "saved"]
    assert len(saved) == len(set(saved))
    assert train_tiny(path, resume=True).finished
    assert scalars(path) == scalars(trained)
    expected, found = weights(trained, "gan-0000005"), weights(path, "gan-0000005")
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name


def test_a_damaged_checkpoint_is_skipped(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    shutil.copytree(trained, path)
    file = path / "checkpoints/gan-0000005/generator.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    checkpoint = newest_checkpoint(path / "checkpoints", phases=["gan"]).checkpoint
    assert checkpoint is not None
    assert checkpoint.step == 4
    assert train_tiny(path, UNMEASURED, resume=True).finished
    for name, tensor in weights(trained, "gan-0000005").items():
        assert torch.equal(tensor, weights(path, "gan-0000005")[name]), name


def test_a_run_is_not_overwritten(trained: Path) -> None:
    with pytest.raises(AttnforgeError) as error:
        train_tiny(trained)
    assert codes(error) == ["run-exists"]
    assert f"--resume {trained}" in str(error.value)


def test_another_vocabulary_is_refused_with_both_fingerprints(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "other"
    shutil.copytree(trained, path)
    with pytest.raises(AttnforgeError) as error:
        train_tiny(path, "tokenizer={use: word, max_size: 5}", resume=True)
    assert codes(error) == ["vocabulary-mismatch"]
    manifest = json.loads((path / "checkpoints/gan-0000005/manifest.json").read_text())
    assert manifest["vocabulary"] in str(error.value)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_matching_loss(monkeypatch)
    with pytest.raises(AttnforgeError) as error:
        train_tiny(tmp_path / "run", UNMEASURED)
    assert codes(error) == ["not-a-number"]
    assert not list((tmp_path / "run/checkpoints").iterdir())


def test_a_resume_that_is_refused_changes_nothing(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "misfit"
    shutil.copytree(trained, path)
    files = ("recipe.yaml", "recipe.lock.yaml", "metrics.jsonl")
    before = [(path / name).read_text() for name in files]
    for other, code in (
        ("generator.channels=6", "checkpoint-misfit"),
        ("tokenizer={use: word, max_size: 5}", "vocabulary-mismatch"),
    ):
        with pytest.raises(AttnforgeError) as error:
            train_tiny(path, other, resume=True)
        assert codes(error) == [code]
        assert [(path / name).read_text() for name in files] == before


def test_a_resumed_run_holds_the_recipe_that_it_was_resumed_with(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "longer"
    shutil.copytree(trained, path)
    assert train_tiny(path, UNMEASURED, "phases.gan.steps=6", resume=True).finished
    assert resolve(path / "recipe.lock.yaml").digest == tiny(UNMEASURED, "phases.gan.steps=6").digest
    assert [row["step"] for row in scalars(path) if row["phase"] == "gan"] == [1, 2, 3, 4, 5, 6]


def test_a_run_that_was_killed_before_it_saved_starts_over(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "killed"
    shutil.copytree(trained, path)
    shutil.rmtree(path / "checkpoints")
    assert train_tiny(path, UNMEASURED, resume=True).finished
    assert scalars(path) == scalars(trained)


def test_a_damaged_line_of_figures_costs_that_line_alone(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged-line"
    shutil.copytree(trained, path)
    file = path / "metrics.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    damage = [b"\xff\x00\n", b"[1, 2]\n", b'{"phase": "gan"}\n', b"\n"]
    file.write_bytes(b"".join([*lines[:2], *damage, *lines[2:], b'{"phase": "gan", "st']))
    run = RunFolder(path)
    assert [(row["phase"], row["step"]) for row in run.scalars()] == [
        *[("damsm", step) for step in (1, 2, 3)],
        *[("gan", step) for step in (1, 2, 3, 4, 5)],
    ]
    run.delete_scalars_after(phase="gan", step=2, later=[])
    assert file.read_bytes() == b"".join(lines[:5])
