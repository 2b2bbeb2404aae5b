"""Runs into which tests inject faults, the run that no fault disturbed, and how injections are counted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

from commands import command, ended
from damaged_runs import weights_of
from tiny_run import TINY, shared_tiny

from attnforge.cli import run as attnforge
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.search import newest_checkpoint

STEPS = 12
LAST = f"gan-{STEPS:07d}"
RECIPE = (
    "phases.damsm.steps=1",
    f"phases.gan.steps={STEPS}",
    "phases.gan.checkpoint_every=2",
    "phases.gan.sample_every=4",
    "evaluation.metrics={attributes: null, retrieval: r-precision}",
    "evaluation.every=3",
    "evaluation.captions=4",
    "training.device=cpu",
    "training.threads=1",
)
"""Makes the tiny recipe save, sample and measure often."""
TRAIN = ("train", "quickstart", *TINY, *RECIPE, "--out", "run")
RESUME = ("train", "--resume", "run")


def undisturbed(temporary: Path) -> Path:
    """The run that no fault disturbed; not to be changed."""
    return shared_tiny(temporary, "undisturbed", *RECIPE)


def fault(work: str, random: Random, *, seconds: float, signal: int, group: bool = False) -> dict[str, str]:
    """The environment in which a command gets a signal while it does some work, at a random moment of it.

    Args:
        work: A key of `injected_fault.WORK`.
        random: Chooses the moment.
        seconds: About how long the work takes.
        signal: The number of the signal.
        group: Whether the whole process group gets it.
    """
    time = 1 if work == "reporting" else random.randint(1, 3)
    moment = {
        "work": work,
        "time": time,
        "delay": random.uniform(0, seconds),
        "signal": signal,
        "group": group,
    }
    return {
        "INJECTED_FAULT": json.dumps(moment),
        "ATTNFORGE_PLUGINS": "injected_fault",
        "PYTHONPATH": str(Path(__file__).parent),
    }


def disturbed(folder: Path, variables: dict[str, str], *overrides: str) -> tuple[int, str, str]:
    """Train the run in a folder, from its newest checkpoint if there is one, with a fault in it."""
    begun = (folder / "run/recipe.lock.yaml").exists()
    words = [*(RESUME if begun else TRAIN), *overrides]
    with command(*words, folder=folder, quick=True, **variables) as process:
        return ended(process)


def assert_nothing_lost(run: Path) -> None:
    """The newest checkpoint is whole, and none before it is damaged."""
    search = newest_checkpoint(run / "checkpoints", phases=["damsm", "gan"], finite=True)
    assert search.passed_over == ()
    folders = [path for path in (run / "checkpoints").glob("*-*") if not path.name.startswith(".")]
    assert isinstance(search.checkpoint, Checkpoint) or not folders


def assert_same_weights(run: Path, whole: Path) -> None:
    """The last weights of a run are, bit by bit, those of the run that no fault disturbed."""
    expected, actual = weights_of(whole, LAST), weights_of(run, LAST)
    assert expected.keys() == actual.keys()
    assert [name for name in expected if not expected[name].equal(actual[name])] == []


def finish(run: Path, whole: Path, *overrides: str) -> None:
    """Resume a run to its end, compare it with the run that no fault disturbed, and remove it."""
    words = ["--resume", str(run)] if (run / "recipe.lock.yaml").exists() else [*TRAIN[1:-1], str(run)]
    assert attnforge(["train", *words, *overrides]) == 0
    assert_same_weights(run, whole)
    shutil.rmtree(run)
