"""The listener that asks every monitor after each step, and reports each kind of symptom once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from attnforge.run.listeners import TrainedPhase
from attnforge.run.monitors.diversity import DiversityMonitor
from attnforge.run.monitors.gradients import GradientMonitor
from attnforge.run.monitors.saturation import SaturationMonitor
from attnforge.run.monitors.symptom import Monitor, Symptom
from attnforge.sampling.samples import FixedSamples
from attnforge.storage.folder import RunFolder
from attnforge.train.loop import StepResult
from attnforge.train.progress import Reporter


class Watch:
    """Reports the first symptom of each kind as a warning and as an event `symptom` in log.jsonl.

    Args:
        run: Whose log it is.
        reporter: Prints warnings.
        monitors: What is looked at.
    """

    def __init__(self, run: RunFolder, reporter: Reporter, monitors: Sequence[Monitor]) -> None:
        self._run = run
        self._reporter = reporter
        self._monitors = monitors
        self._reported: set[str] = set()

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> None:
        for monitor in self._monitors:
            symptom = monitor.after_step(result, scalars)
            if symptom is not None and symptom.kind not in self._reported:
                self._reported.add(symptom.kind)
                self._report(symptom, result)

    def _report(self, symptom: Symptom, result: StepResult) -> None:
        self._reporter.warning(f"{symptom.message}; what usually helps: {symptom.remedy}")
        self._run.log_event(
            "symptom",
            kind=symptom.kind,
            phase=result.phase,
            step=result.step,
            message=symptom.message,
            remedy=symptom.remedy,
        )


def monitors_of(
    trained: TrainedPhase, *, samples: FixedSamples | None, generator: nn.Module | None, scaled: bool
) -> list[Monitor]:
    """The monitors of a phase: all for a generator that is sampled, the gradients' for every phase.

    Args:
        trained: The phase.
        samples: The fixed captions; None when none are sampled.
        generator: The network that generates images, if the phase trains one.
        scaled: Whether gradients are those of scaled losses.
    """
    monitors: list[Monitor] = [SaturationMonitor(), GradientMonitor(trained.task, scaled=scaled)]
    every = trained.options.sample_every
    if samples is not None and generator is not None and every:
        monitors.append(DiversityMonitor(samples, generator, every=every))
    return monitors
