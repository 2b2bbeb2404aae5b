"""Explains a step that runs out of memory: what it needs by the estimate, and which batch size fits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnforge.compute.collectives import world_size
from attnforge.compute.memory import usable_bytes
from attnforge.errors import Problem, RunError
from attnforge.interfaces import Batch, Progress, Task
from attnforge.recipe.schema import Recipe
from attnforge.run.estimate.fitting import memory_curve
from attnforge.run.estimate.step import estimate_step
from attnforge.run.estimate.summary import byte_count
from attnforge.run.machine import TRACEBACK, is_out_of_memory


@dataclass(frozen=True, slots=True)
class MemoryGuard:
    """Makes the steps of a task; when one runs out of memory, the error names a batch size that fits."""

    task: Task
    recipe: Recipe
    phase: str
    device: torch.device
    command: str
    """The command that trains with another batch size, without its overrides."""

    def networks(self) -> Mapping[str, nn.Module]:
        return self.task.networks()

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        """Make a step of the task.

        Raises:
            RunError: `out-of-memory`, with the batch size that fits.
        """
        try:
            return self.task.step(batch, progress=progress)
        except Exception as error:
            if not is_out_of_memory(error) or os.environ.get(TRACEBACK):
                raise
            reason = " ".join(str(error).split("\n", 1)[0].split())
        # outside of the handler, whose traceback keeps the tensors of the step alive
        raise RunError(self._problem(reason))

    def _problem(self, reason: str) -> Problem:
        options = self.recipe.phases[self.phase]
        fitting = max(1, options.batch_size // 2)
        needed = "a step needs less with a smaller batch, with narrower networks or with smaller images"
        size = "its largest size"
        if world_size() > 1:  # a step that is only estimated would wait for the other processes
            needed += " (there is no estimate for several processes)"
        else:
            try:
                estimate = estimate_step(self.recipe, self.phase)
                size = f"{estimate.image_size} x {estimate.image_size}"
                fitting, needed = self._fitting(estimate.peak, options.batch_size)
            except Exception as error:  # the estimate only adds to a problem that is reported in any case
                needed += f" (no estimate: {type(error).__name__})"
        return Problem(
            code="out-of-memory",
            message=f"a step of phase `{self.phase}` with batch size {options.batch_size} and images of "
            f"{size} does not fit into the memory of `{self.device}`: {reason}",
            expected=f"{needed}; saved checkpoints are intact",
            next_step=f"{self.command} phases.{self.phase}.batch_size={fitting}",
        )

    def _fitting(self, peak: int, batch_size: int) -> tuple[int, str]:
        """A batch size that fits by the estimate, and the reason."""
        usable = usable_bytes(self.device)
        needed = f"a step needs {byte_count(peak)} by the estimate"
        if usable is None or batch_size == 1:
            return max(1, batch_size // 2), needed
        if peak <= usable:
            others = f"of which {byte_count(usable)} could be used if nothing else used memory"
            return batch_size // 2, f"{needed}, {others}: free memory, or use a smaller batch"

        def peak_at(size: int) -> int:
            return (
                peak if size == batch_size else estimate_step(self.recipe, self.phase, batch_size=size).peak
            )

        curve = memory_curve(peak_at, batch_size=batch_size)
        fitting = min(curve.largest_batch(usable), batch_size - 1)
        if fitting < 1:
            return (
                1,
                f"{needed}, more than {byte_count(usable)} for every batch size: use smaller images "
                "or narrower networks",
            )
        fits = f"{byte_count(curve.bytes_at(fitting))} of {byte_count(usable)} with batch size {fitting}"
        return fitting, f"{needed}, and {fits}"
