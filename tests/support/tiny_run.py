"""A recipe that is AttnGAN in every part and trains in seconds."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.run.training import Outcome, train
from attnforge.train.progress import ConsoleReporter

TINY = (
    "data.count=24",
    "data.test_count=8",
    "text.dim=16",
    "text.embedding=8",
    "image.model_options={channels: [4, 8, 8, 8], layers: [1, 1, 1, 1], stem_width: 8}",
    "generator.channels=4",
    "generator.noise=8",
    "generator.binary_noise=2",
    "generator.conditioner=sentence",
    "generator.stages=[initial, {use: refine, attention: word, residual_blocks: 1}]",
    "discriminator.channels=4",
    "losses.packed={use: packed, stages: [1, 0.5]}",
    "training.precision=float32",
    "phases.damsm={task: damsm, steps: 3, batch_size: 4, log_every: 1, checkpoint_every: 2}",
    "phases.gan.steps=5",
    "phases.gan.batch_size=4",
    "phases.gan.log_every=1",
    "phases.gan.sample_every=3",
    "phases.gan.checkpoint_every=2",
    "samples.count=2",
    "evaluation.captions=12",
    "evaluation.batch_size=4",
)
"""Overrides that make the quickstart recipe small."""


def tiny(*overrides: str) -> ResolvedRecipe:
    """The quickstart recipe at a size for tests."""
    return resolve("quickstart", overrides=[*TINY, *overrides])


def train_tiny(path: Path, *overrides: str, resume: bool = False) -> Outcome:
    """Train the tiny recipe into `path`; a resumed run may change its values."""
    return train(tiny(*overrides), path, resume=resume, allow_changes=resume, reporter=ConsoleReporter())


def shared_tiny(temporary: Path, name: str, *overrides: str) -> Path:
    """A tiny run that was trained to its end, once for all test processes; not to be changed.

    Args:
        temporary: The folder of this process's temporary folders.
        name: The name of the run; other overrides need another one.
        overrides: Of the tiny recipe.
    """
    of_all = temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary
    path = of_all / "shared-runs" / name
    trained = of_all / f"{name}.trained"
    with (of_all / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not trained.exists():
            assert train_tiny(path, *overrides).finished
            trained.touch()
    return path
