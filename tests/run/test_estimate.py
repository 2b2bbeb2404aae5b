"""The estimate of a step from shapes alone equals what a step on the CPU allocates and computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from allocated import peak_allocated
from tiny_run import TINY

from attnforge.adversarial.task import AdversarialTask
from attnforge.build import assemble
from attnforge.build.parts import Parts
from attnforge.cli import run as attnforge
from attnforge.compute import memory
from attnforge.interfaces import Batch, Progress, Task
from attnforge.recipe import resolve
from attnforge.recipe.schema import Recipe
from attnforge.run.estimate import memory_guard
from attnforge.run.estimate.fitting import MemoryCurve
from attnforge.run.estimate.flop import FlopCount
from attnforge.run.estimate.step import estimate_step
from attnforge.run.meta import meta_batch
from attnforge.run.tasks import build_task
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.search import read_checkpoint

Shown = pytest.CaptureFixture[str]
TOLERANCE = 0.15
WIDER = ("generator.channels=8", "discriminator.channels=8", "phases.gan.batch_size=8")
SHORT = (
    "phases.damsm={task: damsm, steps: 1, batch_size: 4}",
    "phases.gan.sample_every=0",
    "evaluation.metrics={attributes: null, retrieval: null}",
)


class AssumedVocabulary:
    """The tokenizer of the estimate."""

    vocabulary_size = 4_000


def recipe_of(name: str, *overrides: str) -> Recipe:
    return assemble(resolve(name, overrides=overrides))


def prepared(recipe: Recipe, phase: str) -> Callable[[], object]:
    """A step of a phase on the CPU, after a first one, on random values of the shapes of the estimate."""
    torch.manual_seed(1)
    options = recipe.phases[phase]
    parts = Parts(recipe, tokenizer=AssumedVocabulary(), device=torch.device("cpu"))  # type: ignore[arg-type]
    task = build_task(parts, options, name=phase)
    batch = meta_batch(parts, options)
    count, words = batch.tokens.shape
    batch = replace(
        batch,
        image=torch.rand(batch.image.shape) * 2 - 1,
        tokens=torch.randint(1, 4_000, (count, words)),
        lengths=torch.full((count,), words),
        class_ids=torch.arange(count),
        levels=None if batch.levels is None else torch.zeros(batch.levels.shape, dtype=torch.uint8),
    )
    step = step_of(task, batch)
    step()
    return step


def step_of(task: Task, batch: Batch) -> Callable[[], object]:
    # the step of a penalty that is computed in every second or fourth
    progress = Progress(step=3, steps=8, batch_size=len(batch.captions), images=len(batch.captions))
    return lambda: task.step(batch, progress=progress)


def compare(recipe: Recipe, phase: str) -> float:
    """The estimated over the measured peak."""
    return estimate_step(recipe, phase).peak / peak_allocated(lambda: prepared(recipe, phase))


@pytest.mark.long
def test_the_peak_is_that_of_a_step_on_the_cpu() -> None:
    assert compare(recipe_of("quickstart", *WIDER), "gan") == pytest.approx(1, abs=TOLERANCE)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "phase", "overrides"),
    [
        ("quickstart", "gan", ()),
        ("df-gan-sketch-birds", "gan", ()),
        ("r3-sketch-birds", "gan", ()),
        ("damsm-cub", "damsm", ("phases.damsm.batch_size=6", "image.weights=random")),
        ("attngan2-cub", "gan", ("phases.gan.batch_size=2", "image.weights=random")),
    ],
)
def test_the_peak_is_that_of_a_step_at_full_width(name: str, phase: str, overrides: tuple[str, ...]) -> None:
    assert compare(recipe_of(name, *overrides), phase) == pytest.approx(1, abs=TOLERANCE)


def test_parameters_states_and_flop_are_exact() -> None:
    # every image counts as mismatched with every caption, and damsm has a kernel that torch does not count
    exact = ("losses.damsm=null", "losses.adversarial={use: hinge, mismatch: none}")
    recipe = recipe_of("quickstart", *TINY, *exact)
    estimate = estimate_step(recipe, "gan")
    parts = Parts(recipe, tokenizer=AssumedVocabulary(), device=torch.device("cpu"))  # type: ignore[arg-type]
    generator = sum(weight.numel() for weight in parts.generator.parameters())  # type: ignore[union-attr]
    sizes = {network.name: (network.parameters, network.trained) for network in estimate.networks}
    assert sizes["generator"] == (generator, generator)
    assert sizes["generator-average"] == (generator, 0)
    trained = sum(network.trained for network in estimate.networks)
    assert estimate.gradients == 4 * trained
    # Adam's two moments of each weight, and a step counter for each tensor
    assert estimate.optimizer_state == pytest.approx(8 * trained, rel=0.01)
    step = prepared(recipe, "gan")
    with FlopCount() as counted:
        step()
    # on the CPU, a convolution after doubling is computed at the small size, with fewer products
    assert counted.total < estimate.flop < 1.4 * counted.total
    assert estimate.flop_per_image == estimate.flop / 4


@pytest.mark.long
def test_a_penalty_in_some_steps_counts_in_full_as_memory_and_by_its_share_as_work() -> None:
    penalty = "losses.penalty={use: zero-centred, every: %d}"
    without, always, lazy = (
        estimate_step(recipe_of("attngan2-sketch-birds", *TINY, *overrides), "gan")
        for overrides in ((), (penalty % 1,), (penalty % 4,))
    )
    assert lazy.peak == always.peak > without.peak
    assert lazy.flop == pytest.approx(0.75 * without.flop + 0.25 * always.flop, abs=1)


def test_the_largest_batch_is_the_last_that_fits() -> None:
    curve = MemoryCurve([(size, 100 + 10 * size + size**2) for size in (8, 16, 32)])
    assert curve.bytes_at(64) == pytest.approx(100 + 640 + 4096)
    assert curve.largest_batch(100 + 640 + 4096) == 64
    assert curve.largest_batch(100 + 640 + 4095) == 63
    assert curve.largest_batch(50) == 0
    straight = MemoryCurve([(8, 180), (16, 270), (32, 420)])  # a slope that falls is taken as straight
    assert straight.bytes_at(64) == 420 + 32 * 150 / 16


@pytest.mark.long
def test_a_dry_run_needs_no_data_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    monkeypatch.chdir(tmp_path)
    overrides = ["data={use: folder, root: missing}"]
    assert attnforge(["train", "quickstart", *TINY[2:], *overrides, "phases.damsm=null", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    for part in ("phase gan: batch size 4", "parameters", "optimizer state"):
        assert part in shown
    assert "FLOP an image" in shown
    assert "8 GB: " in shown
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_resumes_nothing(capsys: Shown) -> None:
    assert attnforge(["train", "--resume", "runs/birds", "--dry-run"]) == 2
    assert "nothing to resume" in capsys.readouterr().err


def fail_for_memory(patch: pytest.MonkeyPatch, *, after: int) -> None:
    step, calls = AdversarialTask.step, [0]

    def failing(self: AdversarialTask, batch: Batch, *, progress: Progress) -> dict[str, torch.Tensor]:
        estimated = batch.image.device.type == "meta"
        calls[0] += not estimated
        if calls[0] == after and not estimated:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
                "you tried to allocate 1048576000 bytes"
            )
        return step(self, batch, progress=progress)

    patch.setattr(AdversarialTask, "step", failing)


@pytest.mark.long
def test_a_step_out_of_memory_names_a_batch_size_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    run = tmp_path / "run"
    usable = estimate_step(recipe_of("quickstart", *TINY), "gan", batch_size=3).peak
    monkeypatch.setattr(memory_guard, "usable_bytes", lambda device: usable)
    fail_for_memory(monkeypatch, after=4)
    assert attnforge(["train", "quickstart", *TINY, *SHORT, "--out", str(run)]) == 1
    shown = capsys.readouterr().err
    assert "error[out-of-memory]: a step of phase `gan` with batch size 4 and images of 32 x 32" in shown
    assert "can't allocate memory" in shown
    assert f"next: attnforge train --resume {run} --allow-changes phases.gan.batch_size=3" in shown
    assert isinstance(read_checkpoint(run / "checkpoints/gan-0000002"), Checkpoint)
    assert attnforge(["train", "--resume", str(run), "--allow-changes", "phases.gan.batch_size=3"]) == 0


def test_the_first_step_of_all_may_be_too_large_and_the_estimate_may_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    def unknown(*arguments: Any, **options: Any) -> None:
        raise NotImplementedError

    monkeypatch.setattr(memory_guard, "estimate_step", unknown)
    fail_for_memory(monkeypatch, after=1)
    run = tmp_path / "run"
    assert attnforge(["train", "quickstart", *TINY, *SHORT, "--out", str(run)]) == 1
    shown = capsys.readouterr().err
    assert "error[out-of-memory]: a step of phase `gan` with batch size 4" in shown
    assert "no estimate: NotImplementedError" in shown
    assert "next: attnforge train RECIPE phases.gan.batch_size=2" in shown
    assert not run.exists()


def test_other_errors_of_a_step_are_left_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = memory_guard.MemoryGuard(
        Failing(),
        recipe_of("quickstart"),
        "gan",
        torch.device("cpu"),
        "attnforge train",  # type: ignore[arg-type]
    )
    with pytest.raises(RuntimeError, match="shapes"):
        guard.step(None, progress=None)  # type: ignore[arg-type]


class Failing:
    """A task whose step fails for another reason."""

    def step(self, batch: Any, *, progress: Any) -> dict[str, torch.Tensor]:
        raise RuntimeError("shapes do not match")


def test_memory_of_this_process_is_known() -> None:
    assert (memory.peak_bytes() or 0) > 50_000_000
    usable = memory.usable_bytes(torch.device("cpu"))
    assert usable is not None
    assert usable > 0
