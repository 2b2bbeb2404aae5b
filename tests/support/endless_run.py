"""A run that trains until it is stopped."""

from __future__ import annotations

from pathlib import Path

from commands import rows, saved_steps
from tiny_run import TINY

LONG = (
    "train",
    "quickstart",
    *TINY,
    "phases.damsm.steps=1",
    "phases.gan.steps=100000",
    "phases.gan.sample_every=0",
    "phases.gan.checkpoint_every=0",
    "evaluation.metrics={attributes: null, retrieval: null}",
    "training.device=cpu",
    "--out",
    "run",
)
"""Trains for hours and saves nothing on its own."""


def begun(run: Path) -> bool:
    """Whether some steps of the last phase are made."""
    return sum(row["phase"] == "gan" for row in rows(run)) >= 3


def saved_last_step(run: Path) -> bool:
    """Whether the last step that was made is on the disk."""
    (step,) = saved_steps(run)
    return step == max(int(str(row["step"])) for row in rows(run) if row["phase"] == "gan")
