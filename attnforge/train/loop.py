"""The loop of one phase: batches into a task, scalars out to listeners.

The loop knows nothing of files or terminals. Every step seeds torch from (seed, phase, step), and batches
depend on their position alone, so a phase that is stopped after k steps and started again at k ends with
the same weights as one that was never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from attnforge.errors import Problem, RunError
from attnforge.interfaces import Batch, Progress, Task
from attnforge.seeds import seed_everything


@dataclass(frozen=True, slots=True)
class StepResult:
    """What listeners learn of a step that was just made."""

    phase: str
    step: int
    """Steps behind, this one included."""
    steps: int
    """Steps of the whole phase."""
    images: int
    """Images in the batch."""
    scalars: dict[str, torch.Tensor]
    """Still on the device: read them only when they are logged, since reading waits for the device."""


def run_phase(
    task: Task,
    batches: Iterator[Batch],
    *,
    phase: str,
    start: int,
    steps: int,
    batch_size: int,
    images: int,
    seed: int,
    after_step: Callable[[StepResult], bool],
) -> int:
    """Train from step `start` to `steps`, or until `after_step` gives False; gives the steps made in all.

    Args:
        task: What is trained.
        batches: The batches of the steps from `start` on.
        phase: Its name, which decides the random numbers together with seed and step.
        start: Steps made before, when resuming.
        steps: Steps of the phase in all.
        batch_size: Images a step.
        images: Images in the data, which make an epoch.
        seed: Decides what torch draws.
        after_step: Told of every step; False ends the phase.

    Raises:
        RunError: a scalar of the task is not a number; the run's last checkpoint is from before that.
    """
    for step in range(start, steps):
        seed_everything(seed, phase, step)
        batch = next(batches)
        progress = Progress(step=step, steps=steps, batch_size=batch_size, images=images)
        scalars = task.step(batch, progress=progress)
        result = StepResult(
            phase=phase, step=step + 1, steps=steps, images=len(batch.captions), scalars=scalars
        )
        if not after_step(result):
            return step + 1
    return steps


def as_numbers(result: StepResult) -> dict[str, float]:
    """The scalars as plain floats.

    Raises:
        RunError: one of them is infinite or not a number.
    """
    names = list(result.scalars)
    values = torch.stack([result.scalars[name].detach().float() for name in names]).tolist() if names else []
    bad = [name for name, value in zip(names, values, strict=True) if not abs(value) < float("inf")]
    if bad:
        raise RunError(
            Problem(
                code="not-a-number",
                message=f"{', '.join(bad)} is not a finite number at step {result.step} of {result.phase}",
                expected="finite losses; the same steps would end so again, a smaller learning rate may not",
                next_step=f"attnforge train --resume RUN phases.{result.phase}.task.KEY=VALUE",
            )
        )
    return dict(zip(names, values, strict=True))
