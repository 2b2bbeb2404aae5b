"""Steps of AttnGAN's tasks that end in numbers that are not finite, whatever the options."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from attnforge_attngan.tasks.matching import MatchingTask

from attnforge.adversarial.task import AdversarialTask
from attnforge.interfaces import Batch, Progress

Scalars = dict[str, torch.Tensor]


def spoil_matching_loss(patch: pytest.MonkeyPatch) -> None:
    """Let every matching step report a loss that is not a number."""
    step = MatchingTask.step

    def spoiled(task: MatchingTask, batch: Batch, *, progress: Progress) -> Scalars:
        return {name: value * float("nan") for name, value in step(task, batch, progress=progress).items()}

    patch.setattr(MatchingTask, "step", spoiled)


def spoil_matching_weights(patch: pytest.MonkeyPatch) -> None:
    """Let every matching step leave a weight that is not a number behind a finite loss."""
    step = MatchingTask.step

    def spoiled(task: MatchingTask, batch: Batch, *, progress: Progress) -> Scalars:
        scalars = step(task, batch, progress=progress)
        next(task.text.parameters()).data.view(-1)[0] = float("nan")
        return scalars

    patch.setattr(MatchingTask, "step", spoiled)


def spoil_adversarial_loss(patch: pytest.MonkeyPatch, *, when: Callable[[AdversarialTask], bool]) -> None:
    """Let the adversarial steps of some tasks report a loss that is not a number."""
    step = AdversarialTask.step

    def spoiled(task: AdversarialTask, batch: Batch, *, progress: Progress) -> Scalars:
        scalars = step(task, batch, progress=progress)
        factor = float("nan") if when(task) else 1.0
        return {name: value * factor for name, value in scalars.items()}

    patch.setattr(AdversarialTask, "step", spoiled)
