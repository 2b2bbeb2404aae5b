"""A run with every option that depends on the epoch, or keeps statistics, goes on to the same weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_run import train_tiny

OPTIONS = (
    "data.count=8",  # two steps of four pictures make an epoch
    "phases.damsm={task: {use: damsm, decay: by-epoch, epoch_decay: 0.5, forget_moments: true}, steps: 4, "
    "batch_size: 4, log_every: 1, checkpoint_every: 3, order: length, truncate: first, max_words: 6}",
    "phases.gan.task.average_buffers=recompute",
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
