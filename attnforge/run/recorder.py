"""Everything that happens around a training step: logging, samples, checkpoints, trackers and hooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from attnforge.build.parts import Parts
from attnforge.interfaces import Task, Tracker
from attnforge.plugin.declared import describe_error
from attnforge.plugin.hooks import Failure
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.schema import Phase, Recipe
from attnforge.recipe.seal import seal
from attnforge.run.folder import RunFolder, write_text
from attnforge.run.measured import Measurement, delete_measurements, write_measurement
from attnforge.run.plugin_files import collect_plugin_files
from attnforge.run.progress import Reporter
from attnforge.run.resuming import Resumption
from attnforge.run.samples import FixedSamples
from attnforge.run.tasks import sampling_network
from attnforge.specs import TrackerSpec
from attnforge.train.checkpoints.checkpoint import LOCK
from attnforge.train.checkpoints.saving import own_files, save_checkpoint
from attnforge.train.loop import StepResult, as_numbers


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
        self.keep = recipe.training.keep
        self.began = time.monotonic()
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

    def resume_after(self, resumption: Resumption, *, later: Sequence[str]) -> None:
        """Continue the record from a checkpoint: later entries are deleted, because their steps repeat."""
        checkpoint = resumption.checkpoint
        self._write_recipe()
        seconds = self.run.delete_scalars_after(phase=checkpoint.phase, step=checkpoint.step, later=later)
        delete_measurements(self.run, phase=checkpoint.phase, step=checkpoint.step, later=later)
        self.began = time.monotonic() - seconds
        changes = {key: list(values) for key, values in resumption.changes.items()}
        details = {"changed": changes} if changes else {}
        self.run.log_event("resumed", phase=checkpoint.phase, step=checkpoint.step, **details)
        self.reporter.line(f"resuming phase {checkpoint.phase} at step {checkpoint.step}")
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
        self.run.log_event("measured", weights=measurement.name, **measurement.metrics)
        scalars = {
            name: float(value) for name, value in measurement.metrics.items() if not isinstance(value, str)
        }
        for tracker in self.trackers:
            tracker.scalars(scalars, phase=measurement.phase, step=measurement.step)

    def end(self, reason: str, **details: str) -> None:
        """Log that the run has ended, and why: `finished`, `stopped` or `failed`."""
        seconds = round(time.monotonic() - self.began, 3)
        self.run.log_event("ended", reason=reason, seconds=seconds, **details)
        self.hooks.call("attnforge_run_end", run=self.run.path, reason=reason)

    @contextmanager
    def phase(
        self,
        name: str,
        phase: Phase,
        task: Task,
        parts: Parts,
        *,
        start: int,
        steps: int,
        images: int,
        samples: FixedSamples | None,
        constants: Sequence[str] = (),
    ) -> Iterator[Callable[[StepResult], bool]]:
        """Record one phase: yields the callback for the end of each step, and saves at the end.

        Args:
            name: Name of the phase.
            phase: Its options, for the intervals.
            task: What is trained.
            parts: Holds the tokenizer that goes into checkpoints.
            start: Steps already done, when resuming.
            steps: Steps of the whole phase.
            images: Images in the training data, which make an epoch.
            samples: The fixed captions; None when this phase generates no samples.
            constants: Buffers, as `network/buffer`, that need not be finite.
        """
        networks = task.networks()
        own = {*own_files(networks), LOCK}
        generator = sampling_network(task)
        last: StepResult | None = None
        saved = start
        # looked up once, so that a step costs nothing when no plugin listens
        step_end = self.hooks.caller("attnforge_step_end")
        epoch_end = self.hooks.caller("attnforge_epoch_end")

        def save(step: int) -> None:
            nonlocal saved

            def add(folder: Path) -> None:
                collect_plugin_files(self.hooks, folder, own=own, phase=name, step=step)
                write_text(folder / LOCK, seal(self.resolved.frozen()))

            folder = save_checkpoint(
                self.run.checkpoints,
                phase=name,
                step=step,
                networks=networks,
                optimizers=task.optimizers(),
                tokenizer=parts.tokenizer,
                keep=self.keep,
                sampling_network=task.sampling_network,
                extras=parts.extras,
                data=self.data,
                constants=constants,
                add=add,
            )
            saved = step
            self.run.log_event("saved", checkpoint=folder.name)

        with self.reporter.phase(name, start=start, steps=steps) as progress:

            def after_step(result: StepResult) -> bool:
                nonlocal last
                last = result
                scalars = None
                saving = bool(phase.checkpoint_every) and result.step % phase.checkpoint_every == 0
                if saving or result.step % phase.log_every == 0 or result.step in (1, steps):
                    scalars = as_numbers(result)
                    self._log(name, result.step, scalars)
                    if step_end is not None:
                        step_end(phase=name, step=result.step, scalars=scalars)
                progress.advance(result, scalars)
                if samples and generator is not None and _due(result.step, phase.sample_every, steps):
                    paths = samples.write(generator, phase=name, step=result.step)
                    for tracker in self.trackers:
                        tracker.images(paths, phase=name, step=result.step)
                if epoch_end is not None:
                    previous, epoch = (
                        (step * phase.batch_size) // images for step in (result.step - 1, result.step)
                    )
                    if epoch > previous:
                        epoch_end(phase=name, epoch=epoch)
                if saving and result.step < steps:
                    save(result.step)
                return True

            yield after_step
        if last is not None and last.step > saved:
            as_numbers(last)  # raises when a loss is not finite: such weights are not worth saving
            save(last.step)

    def _write_recipe(self) -> None:
        self.run.write_recipe(recipe=self.recipe_text, lock=self.resolved.frozen())

    def _log(self, phase: str, step: int, scalars: Mapping[str, float]) -> None:
        self.run.log_scalars(phase=phase, step=step, seconds=time.monotonic() - self.began, values=scalars)
        for tracker in self.trackers:
            tracker.scalars(scalars, phase=phase, step=step)

    def _log_plugin_failure(self, failure: Failure) -> None:
        self.run.log_event(
            "plugin-failed",
            plugin=failure.plugin,
            hook=failure.hook,
            error=describe_error(failure.error),
            traceback=failure.traceback(),
        )


def _due(step: int, every: int, last: int) -> bool:
    return bool(every) and (step % every == 0 or step == last)
