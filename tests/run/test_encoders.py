"""Encoders of another run: taken instead of trained, and refused when they do not fit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_run import TINY, tiny, train_tiny

from attnforge.errors import AttnforgeError
from attnforge.recipe import resolve
from attnforge.run.progress import ConsoleReporter
from attnforge.run.training import train

SHORT = (
    "evaluation.metrics={attributes: null, retrieval: null}",
    "phases.gan.steps=1",
    "phases.gan.sample_every=0",
)


class Noting(ConsoleReporter):
    """Keeps the lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


def encoders(checkpoint: Path) -> dict[str, torch.Tensor]:
    return {
        f"{name}/{key}": tensor
        for name in ("text", "image")
        for key, tensor in load_file(checkpoint / f"{name}.safetensors").items()
    }


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    assert first
    assert first.keys() == second.keys()
    return all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def checkpoints(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def test_given_encoders_replace_the_phase_that_trains_them(trained: Path, tmp_path: Path) -> None:
    path, reporter = tmp_path / "adopted", Noting()
    assert train(tiny(*SHORT, f"encoders={trained}"), path, resume=False, reporter=reporter).finished
    assert checkpoints(path) == ["gan-0000001"]
    assert same(encoders(trained / "checkpoints/gan-0000005"), encoders(path / "checkpoints/gan-0000001"))
    (said,) = [line for line in reporter.lines if "using encoders" in line]
    assert str(trained) in said
    assert "skipping phase damsm" in said


def test_without_encoders_every_phase_is_trained(trained: Path, tmp_path: Path) -> None:
    reporter = Noting()
    assert train(tiny(*SHORT), tmp_path / "own", resume=False, reporter=reporter).finished
    assert checkpoints(tmp_path / "own") == ["damsm-0000002", "damsm-0000003", "gan-0000001"]
    assert not [line for line in reporter.lines if "using encoders" in line]


def test_a_recipe_of_encoders_alone_keeps_training_loaded_ones(trained: Path, tmp_path: Path) -> None:
    path, reporter = tmp_path / "longer", Noting()
    small = [one for one in TINY if not one.startswith("phases.gan")]
    only = ("phases.gan=null", "phases.damsm.steps=1", SHORT[0], f"encoders={trained}")
    resolved = resolve("quickstart", overrides=[*small, *only])
    assert train(resolved, path, resume=False, reporter=reporter).finished
    assert checkpoints(path) == ["damsm-0000001"]
    before, after = (
        encoders(trained / "checkpoints/damsm-0000003"),
        encoders(path / "checkpoints/damsm-0000001"),
    )
    assert not same(before, after)
    largest = max(float((after[name] - before[name]).abs().max()) for name in before if "embedding" in name)
    assert 0 < largest < 0.05  # a step away, not another beginning
    assert not any("left out" in line for line in reporter.lines)


def test_a_resumed_run_needs_the_encoders_no_more(trained: Path, tmp_path: Path) -> None:
    lent, path = tmp_path / "lent", tmp_path / "run"
    shutil.copytree(trained, lent)
    assert train_tiny(path, *SHORT, f"encoders={lent}").finished
    shutil.rmtree(lent)
    assert train_tiny(path, *SHORT, "phases.gan.steps=2", f"encoders={lent}", resume=True).finished
    assert checkpoints(path)[-1] == "gan-0000002"
    assert same(encoders(trained / "checkpoints/gan-0000005"), encoders(path / "checkpoints/gan-0000002"))


def test_weights_that_are_replaced_need_no_file(trained: Path, tmp_path: Path) -> None:
    small = [one for one in TINY if not one.startswith("image.")]
    overrides = [*small, *SHORT, "image={use: inception-v3}", f"encoders={trained}"]
    resolved = resolve("quickstart", overrides=overrides)
    with pytest.raises(AttnforgeError) as error:
        train(resolved, tmp_path / "run", resume=False, reporter=ConsoleReporter())
    assert [problem.code for problem in error.value.problems] == ["checkpoint-misfit"]


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        (("encoders=nowhere",), "no-such-run"),
        (("encoders=empty",), "no-encoders"),
        (("encoders=trained", "tokenizer={use: word, max_size: 5}"), "vocabulary-mismatch"),
        (("encoders=trained", "text.dim=8"), "checkpoint-misfit"),
    ],
)
def test_encoders_that_cannot_be_taken_leave_no_run_behind(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: tuple[str, ...], code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trained").symlink_to(trained)
    (tmp_path / "empty/checkpoints").mkdir(parents=True)
    shutil.copy(trained / "recipe.lock.yaml", tmp_path / "empty")
    with pytest.raises(AttnforgeError) as error:
        train_tiny(tmp_path / "run", *SHORT, *overrides)
    assert [problem.code for problem in error.value.problems] == [code]
    assert not (tmp_path / "run").exists()


def test_the_vocabulary_that_does_not_fit_is_named(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(AttnforgeError) as error:
        train_tiny(tmp_path / "run", *SHORT, f"encoders={trained}", "tokenizer={use: word, max_size: 5}")
    manifest = json.loads((trained / "checkpoints/gan-0000005/manifest.json").read_text())
    assert manifest["vocabulary"] in str(error.value)
