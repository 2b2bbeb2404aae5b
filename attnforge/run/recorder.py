"""Everything that happens around a training step: logging, samples, checkpoints, trackers and hooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from attnforge.evaluate.measured import Measurement, delete_measurements, write_measurement
from attnforge.interfaces import Tracker
from attnforge.plugin.declared import describe_error
from attnforge.plugin.hooks import Failure
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.schema import Recipe
from attnforge.run.best import BestCheckpoint
from attnforge.run.changes import table
from attnforge.run.listeners import (
    Checkpoints,
    EpochHooks,
    SampledImages,
    ScalarLog,
    ShownProgress,
    StepHooks,
    StepListener,
    TrainedPhase,
)
from attnforge.run.monitors.watching import Watch, monitors_of
from attnforge.run.resuming import Resumption
from attnforge.run.tasks import sampling_network
from attnforge.sampling.samples import FixedSamples
from attnforge.specs import TrackerSpec
from attnforge.storage.folder import RunFolder
from attnforge.train.loop import StepResult, as_numbers, averaged
from attnforge.train.progress import PhaseProgress, Reporter


class Recorder:
    """Records a run during training; a context manager, so that trackers are closed whatever happens.

    Args:
        run: Where to write.
        recipe: The assembled recipe, for its intervals and trackers.
        resolved: The same recipe as data, for trackers and plugins.
        recipe_text: The recipe as the user wrote it, as YAML.
        data: Fingerprint of the training data, for checkpoints.
        reporter: Where progress is reported.
    """

    def __init__(
        self,
        run: RunFolder,
        *,
        recipe: Recipe,
        resolved: ResolvedRecipe,
        recipe_text: str,
        data: Mapping[str, str],
        reporter: Reporter,
    ) -> None:
        self.run = run
        self.resolved = resolved
        self.recipe_text = recipe_text
        self.data = data
        self.reporter = reporter
        self.hooks = resolved.plugins.hooks.with_listener(self._log_plugin_failure)
        self.training = recipe.training
        self.best = BestCheckpoint.of(run, resolved, metric=recipe.training.keep_best)
        self.phases = list(recipe.phases)
        self.began = time.monotonic()
        self._measured: dict[str, float] = {}
        spec = TrackerSpec(run=str(run.path), recipe=resolved.data())
        self.trackers: list[Tracker] = []
        with ExitStack() as opened:  # when one tracker cannot be opened, the others are closed again
            for builder in recipe.trackers.values():
                self.trackers.append(builder(spec))
                opened.callback(self.trackers[-1].close)
            opened.pop_all()

    def __enter__(self) -> Self:
        self.run.log_event("started")
        for plugin in sorted(self.hooks.skipped):  # it raised in an earlier run of this process
            self.run.log_event("plugin-disabled", plugin=plugin)
        for plugin, observer in self.hooks.call(
            "attnforge_run_start", run=self.run.path, recipe=self.resolved
        ):
            if observer is not None:
                self.hooks.follow(plugin, observer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as closing:  # when one tracker cannot be closed, the others still are
            for tracker in self.trackers:
                closing.callback(tracker.close)
            if error is not None:  # runs before the trackers close, as at the end of a finished run
                closing.callback(self.end, "failed", error=type(error).__name__)

    def start_from_scratch(self) -> None:
        """Record from step 0; a run that was killed before its first checkpoint starts from there again."""
        self._write_recipe()
        self.run.delete_scalars()
        delete_measurements(self.run)
        self.best.start_from_scratch()

    def resume_after(self, resumption: Resumption, *, later: Sequence[str]) -> None:
        """Continue the record from a checkpoint: later entries are deleted, because their steps repeat."""
        checkpoint = resumption.checkpoint
        self._write_recipe()
        seconds = self.run.delete_scalars_after(phase=checkpoint.phase, step=checkpoint.step, later=later)
        delete_measurements(self.run, phase=checkpoint.phase, step=checkpoint.step, later=later)
        self.best.resume(checkpoint, phases=self.phases, warn=self._warn)
        self.began = time.monotonic() - seconds
        changes = {key: list(values) for key, values in resumption.changes.items()}
        details = {"changed": changes} if changes else {}
        self.run.log_event("resumed", phase=checkpoint.phase, step=checkpoint.step, **details)
        self.reporter.line(f"resuming phase {checkpoint.phase} at step {checkpoint.step}")
        for line in table(resumption.changes):
            self.reporter.line(f"  changed: {line}")
        place = {"folder": checkpoint.folder, "phase": checkpoint.phase, "step": checkpoint.step}
        self.hooks.call("attnforge_checkpoint_load", **place)

    def log_reset_optimizers(self, optimizers: Sequence[str]) -> None:
        """Report and log which optimizers start from a fresh state because their weights were migrated."""
        if optimizers:
            names = ", ".join(optimizers)
            self.run.log_event("migrated", optimizers=list(optimizers))
            self.reporter.line(f"weights were migrated; optimizer state was reset for: {names}")

    def log_measurement(self, measurement: Measurement) -> None:
        """Save the metrics of one checkpoint and pass them to the trackers."""
        write_measurement(self.run, measurement)
        self.best.add(measurement)
        self.run.log_event("measured", weights=measurement.name, **measurement.metrics)
        scalars = {
            name: float(value) for name, value in measurement.metrics.items() if not isinstance(value, str)
        }
        for tracker in self.trackers:
            tracker.scalars(scalars, phase=measurement.phase, step=measurement.step)

    def log_encoders(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        """Log what is measured of encoders with the scalars of the same step, which follow it."""
        self._measured = dict(values)

    def _take_measured(self) -> Mapping[str, float]:
        measured, self._measured = self._measured, {}
        return measured

    def end(self, reason: str, **details: str) -> None:
        """Log that the run has ended, and why: `finished`, `stopped` or `failed`."""
        seconds = round(time.monotonic() - self.began, 3)
        self.run.log_event("ended", reason=reason, seconds=seconds, **details)
        self.hooks.call("attnforge_run_end", run=self.run.path, reason=reason)

    @contextmanager
    def phase(
        self,
        trained: TrainedPhase,
        *,
        samples: FixedSamples | None,
        constants: Sequence[str] = (),
    ) -> Iterator[Callable[[StepResult], None]]:
        """Record one phase: yields the callback for the end of each step, and saves the last one at the end.

        Args:
            trained: The phase.
            samples: The fixed captions; None when this phase generates no samples.
            constants: Buffers, as `network/buffer`, that need not be finite.
        """
        checkpoints = Checkpoints(
            self.run,
            hooks=self.hooks,
            resolved=self.resolved,
            trained=trained,
            data=self.data,
            constants=constants,
            training=self.training,
            best=self.best,
        )
        with checkpoints:
            with self.reporter.phase(trained.name, start=trained.start, steps=trained.steps) as progress:
                listeners = self._listeners(trained, samples, progress, checkpoints)

                def after_step(result: StepResult) -> None:
                    is_logged = trained.is_logged(result.step) and not result.skipped
                    scalars = as_numbers(averaged(result)) if is_logged else None
                    for listener in listeners:
                        listener.after_step(result, scalars)

                yield after_step
            checkpoints.finish()

    def _listeners(
        self,
        trained: TrainedPhase,
        samples: FixedSamples | None,
        progress: PhaseProgress,
        checkpoints: Checkpoints,
    ) -> list[StepListener]:
        """What happens after each step of a phase, in order."""
        generator = sampling_network(trained.task)
        sampled: list[StepListener] = []
        if samples is not None and generator is not None:
            sampled = [SampledImages(samples, generator, self.trackers, trained)]
        monitors = monitors_of(
            trained, samples=samples, generator=generator, scaled=self.training.precision == "fp16"
        )
        return [
            ScalarLog(
                self.run,
                self.trackers,
                seconds=lambda: time.monotonic() - self.began,
                measured=self._take_measured,
            ),
            StepHooks(self.hooks),
            ShownProgress(progress),
            *sampled,
            Watch(self.run, self.reporter, monitors),
            EpochHooks(self.hooks, trained),
            checkpoints,
        ]

    def _write_recipe(self) -> None:
        self.run.write_recipe(recipe=self.recipe_text, lock=self.resolved.frozen())

    def _warn(self, text: str) -> None:
        self.reporter.warning(text)
        self.run.log_event("warning", message=text)

    def _log_plugin_failure(self, failure: Failure) -> None:
        self.run.log_event(
            "plugin-failed",
            plugin=failure.plugin,
            hook=failure.hook,
            error=describe_error(failure.error),
            traceback=failure.traceback(),
        )
