"""Training learns the same whichever kernels compute the attentions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from kernel_devices import device_for
from tiny_run import tiny
from torch import Tensor

from attnforge.kernels import region_matching, word_attention
from attnforge.kernels.dispatch import VARIABLE, Candidate
from attnforge.kernels.region_matching import reference as regions_reference
from attnforge.kernels.word_attention import reference
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.run.training import train
from attnforge.storage.folder import RunFolder
from attnforge.train.progress import ConsoleReporter

Losses = Callable[[ResolvedRecipe, str], dict[tuple[str, int, str], float]]

UNMEASURED = ("evaluation.metrics={attributes: null, retrieval: null}", "samples.count=1")
FIFTY = (
    *UNMEASURED,
    "data.count=200",
    "data.test_count=20",
    *chain(*((f"phases.{name}.steps=50", f"phases.{name}.log_every=1") for name in ("damsm", "gan"))),
)


@pytest.fixture
def losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Losses:
    """Trains with the kernel of that name, and gives every loss of every step."""

    def run(recipe: ResolvedRecipe, kernel: str) -> dict[tuple[str, int, str], float]:
        monkeypatch.setenv(VARIABLE, kernel)
        train(recipe, tmp_path / kernel, resume=False, reporter=ConsoleReporter())
        return {
            (row["phase"], row["step"], name): value
            for row in RunFolder(tmp_path / kernel).scalars()
            for name, value in row.items()
            if isinstance(value, float) and name != "seconds"
        }

    return run


@pytest.mark.parametrize("kernel", ["word-attention=cpu", "word-attention=triton"])
def test_a_tiny_run_has_the_same_losses(kernel: str, losses: Losses) -> None:
    recipe = tiny(*UNMEASURED, f"training.device={device_for(kernel.rpartition('=')[2])}")
    expected = losses(recipe, "word-attention=reference")
    assert {phase for phase, _, _ in expected} == {"damsm", "gan"}
    found = losses(recipe, kernel)
    early = {key for key in expected if key[1] <= 3}
    assert {key: found[key] for key in early} == pytest.approx(
        {key: expected[key] for key in early}, rel=1e-3
    )
    # Adam makes a whole step of a gradient that is nearly zero, and so of its rounding
    assert found == pytest.approx(expected, rel=2e-2, abs=1e-4)


def test_matching_learns_the_same_with_every_kernel_of_regions(losses: Losses) -> None:
    """The whole matching phase, and what the generator is told before its first step."""
    # ranks of captions are no losses: rounding may exchange two
    recipe = tiny(*UNMEASURED, "training.device=cpu", "phases.damsm.evaluation=null")
    expected, found = (
        {key: value for key, value in losses(recipe, f"region-matching={kernel}").items() if before(key)}
        for kernel in ("reference", "cpu")
    )
    assert {phase for phase, _, _ in expected} == {"damsm", "gan"}
    # the generator is told what encoders say that Adam has trained for three steps, with rounding amplified
    assert found == pytest.approx(expected, rel=3e-3, abs=1e-4)


def before(key: tuple[str, int, str]) -> bool:
    """Whether a loss was computed before the first step of the generator."""
    phase, step, _ = key
    return phase == "damsm" or step == 1


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_fifty_steps_of_the_quickstart_have_the_same_losses(
    losses: Losses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adam makes a whole step of a gradient that is almost zero, so the third step shows who rounded it.

    So the first two must agree closely, and later ones may lie as far from a run whose attention is exact as
    a run in plain torch does.
    """
    exact = Candidate("exact", "in double precision", lambda _: None, attend_exactly)
    operation = replace(word_attention.OPERATION, kernels=(*word_attention.OPERATION.kernels, exact))
    monkeypatch.setattr(word_attention, "OPERATION", operation)
    recipe = resolve("quickstart", overrides=[*FIFTY, "training.device=cpu"])
    expected, plain, blocks = (
        losses(recipe, f"word-attention={name}") for name in ("exact", "reference", "cpu")
    )
    assert len({(phase, step) for phase, step, _ in expected}) == 100
    first = [key for key in expected if key[0] == "damsm" or key[1] <= 2]
    for run in (plain, blocks):
        assert {key: run[key] for key in first} == pytest.approx(
            {key: expected[key] for key in first}, rel=1e-4, abs=1e-5
        )
    assert distance(blocks, expected) <= 3 * distance(plain, expected) + 1e-3


def attend_exactly(features: Tensor, words: Tensor, padding: Tensor, **options: bool) -> tuple[Tensor, Any]:
    context, weights = reference.word_attention(features.double(), words.double(), padding, **options)
    return context.to(features.dtype), weights


def distance(run: dict[tuple[str, int, str], float], other: dict[tuple[str, int, str], float]) -> float:
    """The mean difference of two runs' losses."""
    return fmean(abs(run[key] - other[key]) for key in other)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_fifty_steps_with_a_kernel_of_regions_that_the_recipe_names_have_the_same_losses(
    losses: Losses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first steps of matching must agree with a run of exact scores.

    The game begins with encoders that fifty steps have led apart, whoever rounded: it and the later steps may
    lie as far from the exact run as a run of the definition does.
    """
    exact = Candidate("exact", "in double precision", lambda _: None, match_exactly)
    operation = replace(region_matching.OPERATION, kernels=(*region_matching.OPERATION.kernels, exact))
    monkeypatch.setattr(region_matching, "OPERATION", operation)

    def run(kernel: str) -> dict[tuple[str, int, str], float]:
        named = [f"{path}.kernel={kernel}" for path in ("phases.damsm.task", "losses.damsm")]
        recipe = resolve("quickstart", overrides=[*FIFTY, *named, "training.device=cpu"])
        return losses(recipe, f"region-matching={kernel}")

    expected, plain, found = (run(kernel) for kernel in ("exact", "reference", "cpu"))
    assert len({(phase, step) for phase, step, _ in expected}) == 100
    first = [key for key in expected if key[0] == "damsm" and key[1] <= 8]
    assert {key: found[key] for key in first} == pytest.approx(
        {key: expected[key] for key in first}, rel=1e-3, abs=1e-4
    )
    assert distance(found, expected) <= 3 * distance(plain, expected) + 1e-3


def match_exactly(
    words: Tensor, regions: Tensor, lengths: Tensor, *, precision: str, sparse: bool, **gammas: float
) -> Tensor:
    exact: Tensor = regions_reference.region_matching(words.double(), regions.double(), lengths, **gammas)
    return exact.to(words.dtype)


@pytest.mark.long
def test_fifty_tiny_steps_in_the_interpreter_have_the_same_losses(losses: Losses) -> None:
    place = f"training.device={device_for('triton')}"
    recipe = tiny(*UNMEASURED, place, "phases.damsm.steps=50", "phases.gan.steps=50")
    expected = losses(recipe, "word-attention=reference")
    assert losses(recipe, "word-attention=triton") == pytest.approx(expected, rel=1e-2, abs=1e-3)
