"""A run with every option that depends on the epoch, or keeps statistics, goes on to the same weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from attnforge_attngan.tasks.matching import MatchingTask
from safetensors.torch import load_file
from tiny_run import train_tiny

from attnforge.interfaces import Batch, Progress

OPTIONS = (
    "data.count=8",  # two steps of four images make an epoch
    "phases.damsm={task: {use: damsm, decay: by-epoch, epoch_decay: 0.5, reset_optimizer: true}, steps: 4, "
    "batch_size: 4, log_every: 1, checkpoint_every: 3, order: length, truncate: first, max_words: 6}",
    "phases.gan.task.average.buffers=recompute",
    "phases.gan.order=length",
    "phases.gan.steps=3",
    "phases.gan.sample_every=0",
    "phases.gan.checkpoint_every=1",
    "training.keep=9",
    "evaluation.metrics={attributes: null, retrieval: null}",
)


def tensors(run: Path, checkpoint: str) -> dict[str, torch.Tensor]:
    return {
        f"{file.stem}/{name}": tensor
        for file in sorted((run / "checkpoints" / checkpoint).glob("*.safetensors"))
        for name, tensor in load_file(file).items()
    }


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("options") / "straight"
    assert train_tiny(path, *OPTIONS).finished
    return path


@pytest.mark.parametrize("last", ["damsm-0000003", "gan-0000001"], ids=["within an epoch", "of the average"])
def test_a_run_with_these_options_is_resumed_exactly(straight: Path, tmp_path: Path, last: str) -> None:
    path = tmp_path / "resumed"
    shutil.copytree(straight, path)
    for folder in (path / "checkpoints").iterdir():
        if folder.name > last:
            shutil.rmtree(folder)
    assert train_tiny(path, *OPTIONS, resume=True).finished
    for checkpoint in ("gan-0000003", "damsm-0000004"):
        expected, found = tensors(straight, checkpoint), tensors(path, checkpoint)
        assert expected.keys() == found.keys()
        for name, tensor in expected.items():
            assert torch.equal(tensor, found[name]), name
    average = tensors(straight, "gan-0000003")
    assert any(
        not torch.equal(tensor, average[name.replace("generator-average/", "generator/")])
        for name, tensor in average.items()
        if name.startswith("generator-average/") and name.endswith("running_mean")
    )


def seen_by_the_task(path: Path, patch: pytest.MonkeyPatch, *overrides: str) -> list[Batch]:
    """The batches of a phase of matching."""
    seen: list[Batch] = []
    step = MatchingTask.step

    def note(task: MatchingTask, batch: Batch, *, progress: Progress) -> dict[str, torch.Tensor]:
        seen.append(batch)
        return step(task, batch, progress=progress)

    short = ("phases.damsm.batch_size=8", "phases.gan.steps=1", "phases.gan.sample_every=0", OPTIONS[-1])
    with patch.context() as patched:
        patched.setattr(MatchingTask, "step", note)
        assert train_tiny(path, *short, *overrides).finished
    return seen[1:]  # the first step of each phase is tried before


def test_order_and_truncation_of_a_phase_reach_its_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = seen_by_the_task(tmp_path / "plain", monkeypatch)
    sorted_ = seen_by_the_task(tmp_path / "sorted", monkeypatch, "phases.damsm.order=length")
    cut = seen_by_the_task(
        tmp_path / "cut", monkeypatch, "phases.damsm.max_words=4", "phases.damsm.truncate=first"
    )
    assert len(plain) == 3
    for one, other, first in zip(plain, sorted_, cut, strict=True):
        assert other.lengths.tolist() == sorted(one.lengths.tolist(), reverse=True) != one.lengths.tolist()
        assert torch.equal(first.tokens, one.tokens[:, :4])
