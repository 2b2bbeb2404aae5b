"""Measures one generator, and the generator of a run at intervals during training and at the end."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, cast

from torch import nn

from attnforge import __version__
from attnforge.build.parts import Parts
from attnforge.evaluate.measure import measure
from attnforge.interfaces import Generator, Task
from attnforge.recipe import ResolvedRecipe
from attnforge.run.generating import generate_batch
from attnforge.run.measured import Measurement, protocol_of
from attnforge.run.recorder import Recorder
from attnforge.run.tasks import sampling_network
from attnforge.train.checkpoints.checkpoint import Checkpoint
from attnforge.train.loop import StepResult


def measure_network(
    parts: Parts,
    network: nn.Module,
    *,
    resolved: ResolvedRecipe,
    phase: str,
    step: int,
    images: int | None,
    name: str,
    checkpoint: Checkpoint | None = None,
) -> Measurement:
    """Measure a generator by the recipe's metrics.

    Args:
        parts: The encoders, the tokenizer and the data.
        network: The generator.
        resolved: The recipe, with the metrics.
        phase: The phase that trained it.
        step: Steps of that phase so far.
        images: Images in the training data, which make an epoch.
        name: The network's name in checkpoints.
        checkpoint: The checkpoint that the weights were loaded from.
    """
    start_time = time.monotonic()
    metrics = measure(
        parts,
        lambda captions, positions, extras: generate_batch(
            parts.text,
            cast("Generator", network),
            parts.measuring_tokenizer,
            captions,
            positions=positions,
            extras=extras,
            seed=parts.recipe.evaluation.seed,
            device=parts.device,
        ),
    )
    batch_size = parts.recipe.phases[phase].batch_size
    return Measurement(
        phase=phase,
        step=step,
        epoch=round(step * batch_size / images, 3) if images else None,
        metrics=metrics,
        protocol=protocol_of(resolved),
        network=name,
        checkpoint=checkpoint.folder.name if checkpoint else None,
        weights=digest_of_weights(checkpoint) if checkpoint else None,
        recipe={"name": resolved.name, "digest": resolved.digest},
        versions=_versions(),
        device=str(parts.device),
        seconds=round(time.monotonic() - start_time, 3),
    )


@dataclass(frozen=True, slots=True)
class _TrainedGenerator:
    """A generator, with the phase that trains it."""

    network: nn.Module
    name: str
    phase: str
    steps: int
    images: int


class TrainingMetrics:
    """Measures the generator of a run at the steps that its recipe sets.

    Args:
        parts: The encoders, the tokenizer and the data.
        resolved: The recipe.
        recorder: Saves the measurements.
    """

    def __init__(self, parts: Parts, *, resolved: ResolvedRecipe, recorder: Recorder) -> None:
        self.parts = parts
        self.resolved = resolved
        self.recorder = recorder
        self.trained: _TrainedGenerator | None = None

    def watch(self, task: Task, *, phase: str, steps: int, images: int) -> Callable[[StepResult], None]:
        """The callback for the end of each step of a phase, to be called before its checkpoint is saved.

        So a run that is killed between the two measures that step again and misses none.
        """
        name, network = task.sampling_network, sampling_network(task)
        every = self.parts.recipe.evaluation.every
        if name is None or network is None or not self.parts.recipe.evaluation.metrics:
            return lambda result: None
        trained = _TrainedGenerator(network, name, phase, steps, images)
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
            self.parts,
            trained.network,
            resolved=self.resolved,
            phase=trained.phase,
            step=step,
            images=trained.images,
            name=trained.name,
        )
        self.recorder.log_measurement(measurement)
        return measurement


def digest_of_weights(checkpoint: Checkpoint) -> str:
    """One digest of all files of a checkpoint."""
    text = json.dumps(dict(checkpoint.manifest.sha256), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _versions() -> dict[str, str]:
    return {
        "attnforge": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "torchvision", "numpy")},
    }
