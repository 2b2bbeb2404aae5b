"""Measures the networks of a run at intervals during training and at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from attnforge.evaluate.encoders import EncoderMetrics
from attnforge.evaluate.measure import Metrics
from attnforge.evaluate.measured import Measurement
from attnforge.evaluate.measuring import measure_network
from attnforge.interfaces import Task
from attnforge.recipe import ResolvedRecipe
from attnforge.run.follower import Follower
from attnforge.run.recorder import Recorder
from attnforge.run.tasks import sampling_network
from attnforge.train.loop import StepResult


@dataclass(frozen=True, slots=True)
class _TrainedGenerator:
    """A generator with the metrics that measure it and the phase that trains it."""

    metrics: Metrics
    network: nn.Module
    name: str
    phase: str
    steps: int
    images: int


class TrainingMetrics:
    """Measures the generator and the encoders of a run at the steps that its recipe sets.

    Args:
        metrics: The metrics of the recipe; None for a recipe without a generator.
        encoders: The metrics of encoders by the phase that trains them.
        resolved: The recipe.
        recorder: Saves the measurements.
    """

    def __init__(
        self,
        metrics: Metrics | None,
        encoders: Mapping[str, EncoderMetrics],
        *,
        resolved: ResolvedRecipe,
        recorder: Recorder | Follower,
    ) -> None:
        self.metrics = metrics
        self.encoders = encoders
        self.resolved = resolved
        self.recorder = recorder
        self.trained: _TrainedGenerator | None = None

    def watch(self, task: Task, *, phase: str, steps: int, images: int) -> Callable[[StepResult], None]:
        """The callback for the end of each step of a phase, to be called before its checkpoint is saved.

        So a run that is killed between the two measures that step again and misses none.
        """
        generator = self._watch_generator(task, phase=phase, steps=steps, images=images)
        encoders = self.encoders.get(phase)
        if encoders is None:
            return generator

        def after_step(result: StepResult) -> None:
            generator(result)
            if result.step % encoders.options.every == 0 or result.step == steps:
                self.recorder.log_encoders(encoders.values(), phase=phase, step=result.step)

        return after_step

    def _watch_generator(
        self, task: Task, *, phase: str, steps: int, images: int
    ) -> Callable[[StepResult], None]:
        name, network = task.sampling_network, sampling_network(task)
        if name is None or network is None or self.metrics is None or not self.metrics.built:
            return lambda result: None
        every = self.metrics.parts.recipe.evaluation.every
        trained = _TrainedGenerator(self.metrics, network, name, phase, steps, images)
        self.trained = trained

        def after_step(result: StepResult) -> None:
            if every and result.step % every == 0 and result.step < steps:
                self._measure(trained, step=result.step)

        return after_step

    def measure_final(self) -> dict[str, Any]:
        """Measure the generator that was trained last; returns no metrics when there is none."""
        if self.trained is None:
            return {}
        self.recorder.reporter.line("measuring on captions of the test split")
        return self._measure(self.trained, step=self.trained.steps).metrics

    def _measure(self, trained: _TrainedGenerator, *, step: int) -> Measurement:
        measurement = measure_network(
            trained.metrics,
            trained.network,
            resolved=self.resolved,
            phase=trained.phase,
            step=step,
            images=trained.images,
            name=trained.name,
        )
        self.recorder.log_measurement(measurement)
        return measurement
