"""Skips training steps whose results are not finite, by returning to the state before them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attnforge.compute.processes import largest_of_processes, texts_of_processes
from attnforge.errors import Problem, RunError
from attnforge.interfaces import Task
from attnforge.storage.checkpoints.finite import not_finite_in
from attnforge.train.loop import StepResult, bad_scalars, named_keys
from attnforge.train.snapshot import Snapshot

MAX_SKIPPED_STEPS = 10
"""How many steps are skipped in a row; if the next is not finite either, training ends."""
MAX_CAUSES = 3
"""Scalars and tensors that a message names."""


@dataclass(frozen=True, slots=True)
class SkippedStep:
    """A step whose result was discarded: the weights after it are those before it."""

    phase: str
    step: int
    """Steps completed, including this one."""
    causes: tuple[str, ...]
    """The scalars, weights, buffers and optimizer states that were not finite."""
    keys: tuple[str, ...]
    """The images of the batch, of all processes."""

    @property
    def cause(self) -> str:
        """The causes in a message."""
        others = len(self.causes) - MAX_CAUSES
        more = f" and {others} more" if others > 0 else ""
        return ", ".join(self.causes[:MAX_CAUSES]) + more


class Recovery:
    """Discards every step after which a scalar, a weight, a buffer or an optimizer state is not finite.

    Only steps that are observed are checked, so that other steps need not wait for the device. When a check
    fails, training returns to the last state that was seen to be finite and repeats the steps since, now
    checking each: those that are finite are the same as before, and the others are skipped. What is not
    finite stays so until it is checked, so the result does not depend on which steps are checked, and a
    resumed run skips the same steps as one that was not stopped.

    Args:
        task: The task.
        start: Steps completed before resuming.
        is_observed: Whether something looks at the result of a step: those steps are checked.
        constants: Buffers, as `network/buffer`, that need not be finite.
        skipped_before: How many of the last steps before `start` were skipped in a row.
        on_skip: Called for every step that is skipped.

    Raises:
        RunError: the weights are not finite before the first step.
    """

    def __init__(
        self,
        task: Task,
        *,
        start: int,
        is_observed: Callable[[int], bool],
        constants: Iterable[str] = (),
        skipped_before: int = 0,
        on_skip: Callable[[SkippedStep], None] = lambda _: None,
    ) -> None:
        self._task = task
        self._is_observed = is_observed
        self._constants = frozenset(constants)
        self._on_skip = on_skip
        self._skipped_in_row = skipped_before
        self._repeated_until = start
        self._scalars_are_bad: Tensor | None = None
        if tensors := self._bad_tensors():
            raise RunError(_bad_from_the_start(tensors[0]))
        self._snapshot: Snapshot | None = Snapshot.of(task, step=start)

    def after_step(self, result: StepResult) -> StepResult | int:
        """The result of a step for listeners, or the step to return to.

        Raises:
            RunError: the step is not finite, and too many before it were skipped.
        """
        self._note(result.scalars)
        if result.step > self._repeated_until and not self._is_observed(result.step):
            return result
        bad_tensors = self._bad_tensors()
        if self._is_finite(bad_tensors):
            self._skipped_in_row = 0
            self._keep(result.step)
            return result
        last = self._restore()
        if result.step > last.step + 1:
            self._repeated_until = result.step
            return last.step
        self._skip(result, bad_tensors)
        self._snapshot = replace(last, step=result.step)
        return replace(result, scalars={}, skipped=True)

    def before_end(self, step: int) -> int:
        """The step at which a phase may end that is to end after `step`, or the step to return to."""
        if self._last.step == step:
            return step
        if self._is_finite(self._bad_tensors()):
            self._keep(step)
            return step
        self._repeated_until = step
        return self._restore().step

    @property
    def _last(self) -> Snapshot:
        assert self._snapshot is not None, "only `_keep` is without one"  # noqa: S101
        return self._snapshot

    def _note(self, scalars: Mapping[str, Tensor]) -> None:
        """Remember on the device whether all scalars are finite."""
        if not scalars:
            return
        values = torch.stack([value.detach().float() for value in scalars.values()])
        are_bad = ~values.isfinite().all()
        before = self._scalars_are_bad
        self._scalars_are_bad = are_bad if before is None else before | are_bad

    def _bad_tensors(self) -> list[str]:
        states = {name: optimizer.state_dict() for name, optimizer in self._task.optimizers().items()}
        return not_finite_in(self._task.networks(), states, constants=self._constants)

    def _is_finite(self, bad_tensors: list[str]) -> bool:
        """Whether all steps since the snapshot were finite in every process; all of them have to ask."""
        scalars_are_bad = self._scalars_are_bad is not None and bool(self._scalars_are_bad)
        self._scalars_are_bad = None
        return not largest_of_processes(int(scalars_are_bad or bool(bad_tensors)))

    def _keep(self, step: int) -> None:
        self._snapshot = None  # its memory is used again
        self._snapshot = Snapshot.of(self._task, step=step)

    def _restore(self) -> Snapshot:
        self._last.restore(self._task)
        return self._last

    def _skip(self, result: StepResult, bad_tensors: list[str]) -> None:
        own = json.dumps([[*bad_scalars(result), *bad_tensors], result.keys])
        parts = [json.loads(text) for text in texts_of_processes(own)]
        skipped = SkippedStep(
            phase=result.phase,
            step=result.step,
            causes=tuple(dict.fromkeys(cause for causes, _ in parts for cause in causes)),
            keys=tuple(key for _, keys in parts for key in keys),
        )
        if self._skipped_in_row == MAX_SKIPPED_STEPS:
            raise RunError(_too_many_skipped(skipped))
        self._skipped_in_row += 1
        self._on_skip(skipped)


def _bad_from_the_start(tensor: str) -> Problem:
    return Problem(
        code="weights-not-finite",
        message=f"{tensor} has values that are not finite before the first step",
        expected="finite weights; those of another run or file may be damaged",
        next_step="attnforge train RECIPE training.on_not_finite=error",
    )


def _too_many_skipped(skipped: SkippedStep) -> Problem:
    return Problem(
        code="not-a-number",
        message=f"{skipped.cause} is not finite at step {skipped.step} of {skipped.phase}, and the "
        f"{MAX_SKIPPED_STEPS} steps before it were skipped for that reason{named_keys(skipped.keys)}",
        expected="a few batches that are not finite, not all; a smaller learning rate may help",
        next_step=f"attnforge train --resume RUN phases.{skipped.phase}.task.KEY=VALUE --allow-changes",
    )
