"""Weights that are not finite are not saved, and a run can be resumed from before them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from damaged_runs import events_of, weights_of
from safetensors.torch import load_file, save_file
from tiny_run import train_tiny
from torch import nn

from attnforge.adversarial.task import AdversarialTask
from attnforge.cli import run as attnforge
from attnforge.errors import RunError
from attnforge.interfaces import Batch, Progress
from attnforge.storage.checkpoints.finite import constants_of, not_finite, tensors_in, tensors_of
from attnforge.storage.checkpoints.manifest import read_manifest
from attnforge.storage.checkpoints.search import digest_of_file, newest_checkpoint

UNMEASURED = "evaluation.metrics={attributes: null, retrieval: null}"
NO_SAMPLES = "phases.gan.sample_every=0"
NAN = float("nan")


def spoil_weights(task: AdversarialTask) -> None:
    next(iter(task.generator.parameters())).data.view(-1)[0] = NAN


def spoil_buffer(task: AdversarialTask) -> None:
    next(one for name, one in task.generator.named_buffers() if name.endswith("running_var"))[0] = float(
        "inf"
    )


def spoil_optimizer(task: AdversarialTask) -> None:
    state: dict[str, Any] = next(iter(task.generator_optimizer.state.values()))
    state["exp_avg_sq"].view(-1)[0] = float("inf")


@pytest.mark.parametrize("spoil", [spoil_weights, spoil_buffer, spoil_optimizer])
def test_what_is_not_finite_is_not_saved_and_the_advice_works(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[AdversarialTask], None],
) -> None:
    run, step = tmp_path / "run", AdversarialTask.step

    def spoiled(self: AdversarialTask, batch: Batch, *, progress: Progress) -> dict[str, torch.Tensor]:
        scalars = step(self, batch, progress=progress)  # the loss of the step is finite
        if progress.step == 3 and self.learning_rates[0] > 1e-4:
            spoil(self)
        return scalars

    monkeypatch.setattr(AdversarialTask, "step", spoiled)
    with pytest.raises(RunError) as error:
        train_tiny(run, UNMEASURED, NO_SAMPLES)
    (problem,) = error.value.problems
    assert problem.code == "weights-not-finite"
    assert "after step 4 of gan" in problem.message
    assert sorted(path.name for path in (run / "checkpoints").iterdir())[-1] == "gan-0000002"
    command = str(problem.next_step).replace("KEY=VALUE", "generator_learning_rate=1e-5").split()
    assert command[:3] == ["attnforge", "train", "--resume"]
    assert attnforge(command[1:]) == 0, capsys.readouterr().err
    assert all(tensor.isfinite().all() for tensor in weights_of(run, "gan-0000005").values())


def rewrite(folder: Path, network: str, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change a checkpoint's weights and let its manifest say so, as an attnforge without this check did."""
    file = folder / f"{network}.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)
    manifest = read_manifest(folder)
    digests = {**manifest.sha256, file.name: digest_of_file(file)}
    (folder / "manifest.json").write_text(replace(manifest, sha256=digests).text())


def spoil_one(tensors: dict[str, torch.Tensor]) -> None:
    next(tensor for tensor in tensors.values() if tensor.is_floating_point()).fill_(NAN)


def test_a_checkpoint_that_is_not_finite_is_skipped_on_resume(
    copied_run: Callable[[str], Path], whole_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copied_run("run")
    rewrite(run / "checkpoints/gan-0000005", "generator", spoil_one)
    assert attnforge(["train", "--resume", str(run)]) == 0
    assert "generator.safetensors has values that are not finite" in capsys.readouterr().err
    assert "gan-0000005" in events_of(run, "warning")[0]["message"]
    before, after = weights_of(whole_run, "gan-0000005"), weights_of(run, "gan-0000005")
    assert all(tensor.equal(after[name]) for name, tensor in before.items())


def test_masks_of_minus_infinity_are_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = AdversarialTask.networks
    masked = nn.Module()
    masked.register_buffer("mask", torch.full((2, 2), float("-inf")).triu(1))

    def with_mask(self: AdversarialTask) -> dict[str, nn.Module]:
        return {**networks(self), "masked": masked}

    monkeypatch.setattr(AdversarialTask, "networks", with_mask)
    assert train_tiny(tmp_path / "run", UNMEASURED, NO_SAMPLES).finished
    manifest = json.loads((tmp_path / "run/checkpoints/gan-0000005/manifest.json").read_text())
    assert manifest["constants"] == ["masked/mask"]
    search = newest_checkpoint(tmp_path / "run/checkpoints", phases=["damsm", "gan"], finite=True)
    assert search.checkpoint is not None
    assert search.checkpoint.step == 5
    assert search.passed_over == ()


def test_weights_that_are_not_finite_from_the_start_are_no_constants() -> None:
    network = nn.BatchNorm1d(2)
    network.weight.data[0] = NAN
    network.running_mean.fill_(NAN)  # type: ignore[union-attr,operator]
    assert constants_of({"one": network}) == ("one/running_mean",)
    assert not_finite(tensors_of({"one": network})) == ["one/weight", "one/running_mean"]


def test_tensors_of_every_type_and_depth_are_looked_at() -> None:
    bad = torch.tensor([1.0, NAN])
    state = {"state": {0: {"step": torch.tensor(3), "moments": [bad.bfloat16(), (bad.half(),)]}}, "lr": 0.1}
    assert not_finite(tensors_in(state, "it")) == ["it/state/0/moments/0", "it/state/0/moments/1/0"]
    assert not_finite([]) == []
    assert not_finite([("whole", torch.tensor([1, 2])), ("empty", torch.zeros(0))]) == []
