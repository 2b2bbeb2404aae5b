"""The training loop of one phase: batches go to a task, scalars to listeners.

The loop knows nothing of files or terminals. Every step seeds torch from (seed, phase, step), and batches
depend on their step alone, so a phase that is stopped after k steps and resumed ends with the same weights
as one that was never stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from attnforge.compute.collectives import average, trained_buffers, world_size
from attnforge.compute.processes import texts_of_processes
from attnforge.errors import Problem, RunError
from attnforge.interfaces import Batch, Progress
from attnforge.seeds import seed_everything

MAX_KEYS = 64
"""Images of a batch that an error names."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What listeners get after a step."""

    phase: str
    step: int
    """Steps completed, including this one."""
    steps: int
    """Steps of the phase."""
    images: int
    """Images in the batch."""
    scalars: dict[str, torch.Tensor]
    """Still on the device: read them only when they are logged, since reading waits for the device."""
    keys: tuple[str, ...] = ()
    """The images of the batch, in this process."""
    skipped: bool = False
    """Whether the step was discarded because it was not finite; it then has no scalars."""


@runtime_checkable
class Steps(Protocol):
    """What makes the steps of a phase: a task, or what guards one."""

    def networks(self) -> Mapping[str, nn.Module]: ...
    def step(self, batch: Batch, *, progress: Progress) -> dict[str, torch.Tensor]: ...


@runtime_checkable
class Safeguard(Protocol):
    """Looks after the results of steps, and may take training back to an earlier step."""

    def after_step(self, result: StepResult) -> StepResult | int:
        """The result of a step for listeners, or the step to return to."""
        ...

    def before_end(self, step: int) -> int:
        """The step at which a phase may end that is to end after `step`, or the step to return to."""
        ...


def run_phase(
    task: Steps,
    batches: Callable[[int], Iterator[Batch]],
    *,
    phase: str,
    start: int,
    steps: int,
    batch_size: int,
    images: int,
    seed: int,
    after_step: Callable[[StepResult], bool],
    safeguard: Safeguard | None = None,
) -> int:
    """Train from step `start` to `steps`, or until `after_step` returns False; returns the steps completed.

    Args:
        task: The task, or what guards its steps.
        batches: The batches from a step on.
        phase: Its name; random numbers depend on it, on the seed and on the step.
        start: Steps completed before resuming.
        steps: Steps of the phase.
        batch_size: Images per step, over all processes.
        images: Images in an epoch.
        seed: Seeds torch in every step.
        after_step: Called after every step; returns False to stop.
        safeguard: Asked after every step whether training has to return to an earlier one.

    Raises:
        RunError: a scalar of the task is not finite; the last checkpoint of the run is older.
    """
    step, following = start, batches(start)
    while step < steps:
        seed_everything(seed, phase, step)
        batch = next(following)
        progress = Progress(step=step, steps=steps, batch_size=batch_size, images=images)
        scalars = task.step(batch, progress=progress)
        if world_size() > 1:  # each has seen other images
            average(trained_buffers(task.networks().values()))
        result = StepResult(
            phase=phase,
            step=step + 1,
            steps=steps,
            images=batch_size,
            scalars=scalars,
            keys=batch.keys,
        )
        settled = result if safeguard is None else safeguard.after_step(result)
        if isinstance(settled, StepResult):
            step += 1
            if after_step(settled):
                continue
            settled = step if safeguard is None else safeguard.before_end(step)
            if settled == step:
                return step
        del following  # its workers end before those of the next are started
        step, following = settled, batches(settled)
    return steps


def averaged(result: StepResult) -> StepResult:
    """The same step with the means of its scalars over all processes; all of them have to ask.

    If a mean is not finite, the keys are those of the processes whose own scalars are not.
    """
    if world_size() == 1 or not result.scalars:
        return result
    names = list(result.scalars)
    own = torch.stack([result.scalars[name].detach().float() for name in names])
    means = own.clone()
    average([means])
    averaged_scalars = dict(zip(names, means, strict=True))
    if bool(means.isfinite().all()):
        return replace(result, scalars=averaged_scalars)
    is_cause = not bool(own.isfinite().all())
    texts = texts_of_processes(json.dumps(result.keys if is_cause else ()))
    keys = tuple(key for text in texts for key in json.loads(text))
    return replace(result, scalars=averaged_scalars, keys=keys)


def as_numbers(result: StepResult) -> dict[str, float]:
    """The scalars as Python floats.

    Raises:
        RunError: one of them is infinite or NaN.
    """
    numbers = _numbers(result)
    if bad := _not_finite(numbers):
        raise RunError(
            Problem(
                code="not-a-number",
                message=f"{', '.join(bad)} is not finite at step {result.step} of {result.phase}"
                f"{named_keys(result.keys)}",
                expected="finite losses; the same steps would fail again, so a smaller learning rate may "
                "help, or `training.on_not_finite: skip`, which skips such steps",
                next_step=f"attnforge train --resume RUN phases.{result.phase}.task.KEY=VALUE "
                "--allow-changes",
            )
        )
    return numbers


def bad_scalars(result: StepResult) -> list[str]:
    """The names of the scalars that are infinite or NaN; reading them waits for the device."""
    return _not_finite(_numbers(result))


def named_keys(keys: Sequence[str]) -> str:
    """The images of a batch at the end of a message."""
    return f", with the images {', '.join(keys[:MAX_KEYS])}" if keys else ""


def _numbers(result: StepResult) -> dict[str, float]:
    names = list(result.scalars)
    values = torch.stack([result.scalars[name].detach().float() for name in names]).tolist() if names else []
    return dict(zip(names, values, strict=True))


def _not_finite(numbers: Mapping[str, float]) -> list[str]:
    return [name for name, value in numbers.items() if not isfinite(value)]
