"""Skips the steps of a run that are not finite, if its recipe says so, and writes down their images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attnforge.compute.collectives import rank
from attnforge.compute.processes import largest_of_processes
from attnforge.run.listeners import TrainedPhase
from attnforge.storage.folder import RunFolder
from attnforge.train.recovery import Recovery, SkippedStep

EVENT = "step-skipped"


@dataclass(frozen=True, slots=True)
class SkippedSteps:
    """Logs every step of a phase that is skipped, with its images, and warns of it.

    Args:
        run: The run, whose log names the steps that were skipped before.
        phase: Name of the phase.
        warn: Called with each step and the reason.
    """

    run: RunFolder
    phase: str
    warn: Callable[[str], None]

    def add(self, skipped: SkippedStep) -> None:
        """Log a step that was skipped."""
        if rank() > 0:
            return
        causes, keys = list(skipped.causes), list(skipped.keys)
        self.run.log_event(EVENT, phase=skipped.phase, step=skipped.step, causes=causes, keys=keys)
        self.warn(
            f"step {skipped.step} of {skipped.phase} was skipped, because {skipped.cause} is not finite: "
            f"log.jsonl names its {len(keys):,} image{'' if len(keys) == 1 else 's'}"
        )

    def in_row_before(self, start: int) -> int:
        """How many of the last steps up to `start` were skipped, by the log that the first process reads."""
        count = 0
        if rank() == 0:
            events = self.run.events(EVENT)
            steps = {event.get("step") for event in events if event.get("phase") == self.phase}
            while start - count in steps:
                count += 1
        return largest_of_processes(count)


def recovery_of(
    trained: TrainedPhase, run: RunFolder, *, constants: Sequence[str], warn: Callable[[str], None]
) -> Recovery | None:
    """What skips the steps of a phase that are not finite; None where such a step is an error.

    Args:
        trained: The phase.
        run: Where steps are logged.
        constants: Buffers, as `network/buffer`, that need not be finite.
        warn: Called for every step that is skipped.

    Raises:
        RunError: the weights are not finite before the first step.
    """
    if trained.parts.recipe.training.on_not_finite == "error":
        return None
    steps = SkippedSteps(run, trained.name, warn)
    return Recovery(
        trained.task,
        start=trained.start,
        is_observed=trained.is_observed,
        constants=constants,
        skipped_before=steps.in_row_before(trained.start),
        on_skip=steps.add,
    )
