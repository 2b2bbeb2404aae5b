"""Each phase makes one real step before the first begins: what fails there costs no training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from tiny_run import TINY, tiny

from attnforge.adversarial.task import AdversarialTask
from attnforge.cli import run
from attnforge.errors import RecipeError
from attnforge.interfaces import Batch, Progress
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.run.trial.shapes import check_shapes
from attnforge.train.progress import ConsoleReporter

Step = Mapping[str, torch.Tensor]


def fails(error: Exception) -> object:
    """A step of the adversarial task that fails on numbers, and not on shapes alone."""

    def step(self: AdversarialTask, batch: Batch, *, progress: Progress) -> Step:
        if not batch.image.is_meta:
            raise error
        return {}

    return step


def test_a_later_phase_that_cannot_step_is_refused_before_the_first_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AdversarialTask, "step", fails(RuntimeError("only numbers show it")))
    assert check_shapes(tiny()).problems == []
    with pytest.raises(RecipeError, match="only numbers show it") as caught:
        train(tiny(), tmp_path / "run", resume=False, reporter=ConsoleReporter())
    (problem,) = caught.value.problems
    assert problem.code == "phase-cannot-train"
    assert "phase `gan`" in problem.message
    assert "task `gan` at `phases.gan.task`" in problem.message
    assert not (tmp_path / "run").exists()


def test_too_little_memory_for_a_later_phase_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(AdversarialTask, "step", fails(torch.OutOfMemoryError("CUDA out of memory. Tried")))
    monkeypatch.chdir(tmp_path)
    assert run(["train", "quickstart", *TINY, "training.device=cpu", "--out", "run"]) == 1
    told = capsys.readouterr().err
    assert "error[out-of-memory]" in told
    assert "during the trial step of phase `gan`" in told
    assert not (tmp_path / "run").exists()


def test_a_trial_leaves_nothing_behind_that_training_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def weights(folder: str) -> list[bytes]:
        train(tiny("samples.count=1"), tmp_path / folder, resume=False, reporter=ConsoleReporter())
        found = sorted((tmp_path / folder).glob("checkpoints/*/*.safetensors"))
        assert found
        return [path.read_bytes() for path in found]

    tried = weights("tried")
    monkeypatch.setattr("attnforge.run.training.try_phases", lambda *_, **__: None)
    assert weights("untried") == tried


def test_what_shapes_cannot_show_is_said_and_is_no_problem(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(self: AdversarialTask, batch: Batch, *, progress: Progress) -> Step:
        return {"first": torch.tensor(batch.lengths.tolist())}

    monkeypatch.setattr(AdversarialTask, "step", step)
    checked = check_shapes(resolve("quickstart"))
    assert checked.problems == []
    assert len(checked.unchecked) == 1
    assert run(["validate", "quickstart"]) == 0
    assert "not checked: phase `gan` needs values, not only shapes" in capsys.readouterr().out


@pytest.mark.parametrize(
    "tokenizer",
    [
        "word",
        pytest.param("character", marks=pytest.mark.long),
        pytest.param("{use: sentencepiece, vocabulary_size: 40}", marks=pytest.mark.long),
    ],
)
def test_a_recipe_is_tried_before_its_tokenizer_has_seen_captions(tokenizer: str) -> None:
    room = ["phases.damsm.max_words=200", "phases.gan.max_words=200"]
    assert check_shapes(resolve("quickstart", overrides=[f"tokenizer={tokenizer}", *room])).problems == []
