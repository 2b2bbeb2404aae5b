"""Everything that happens around a step: logging, samples, checkpoints, trackers and hooks."""

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
from attnforge.run.measured import Measurement, forget_measurements, write_measurement
from attnforge.run.plugin_files import let_plugins_add
from attnforge.run.progress import Reporter
from attnforge.run.resuming import Resumption
from attnforge.run.samples import FixedSamples
from attnforge.specs import TrackerSpec
from attnforge.train.checkpoints.checkpoint import LOCK
from attnforge.train.checkpoints.saving import own_files, save_checkpoint
from attnforge.train.loop import StepResult, as_numbers


class Recorder:
    """Writes a run down while it goes; a context, so that trackers are closed whatever happens.

    Args:
        run: Where to write.
        recipe: The assembled recipe, for its cadences and trackers.
        resolved: The same recipe as data, for trackers and plugins.
        asked: The recipe as it was asked for, as YAML.
        data: Fingerprint of the training data, for checkpoints.
        reporter: Tells the user.
    """

    def __init__(
        self,
        run: RunFolder,
        *,
        recipe: Recipe,
        resolved: ResolvedRecipe,
        asked: str,
        data: Mapping[str, str],
        reporter: Reporter,
    ) -> None:
        self.run = run
        self.resolved = resolved
        self.asked = asked
        self.data = data
        self.reporter = reporter
        self.hooks = resolved.plugins.hooks.with_listener(self._charged)
        self.keep = recipe.training.keep
        self.began = time.monotonic()
        spec = TrackerSpec(run=str(run.path), recipe=resolved.data())
        self.trackers: list[Tracker] = []
        with ExitStack() as opened:  # one tracker that cannot be opened leaves no other open
            for builder in recipe.trackers.values():
                self.trackers.append(builder(spec))
                opened.callback(self.trackers[-1].close)
            opened.pop_all()

    def __enter__(self) -> Self:
        self.run.log_event("started")
        for plugin in sorted(self.hooks.skipped):  # it raised in an earlier run of this process
            self.run.log_event("plugin-left-out", plugin=plugin)
        for plugin, observer in self.hooks.call(
            "attnforge_run_start", run=self.run.path, recipe=self.resolved
        ):
            if observer is not None:
                self.hooks.follow(plugin, observer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as closing:  # one tracker that cannot be closed keeps no other open
            for tracker in self.trackers:
                closing.callback(tracker.close)
            if error is not None:  # called first, as the end of a run that went well
                closing.callback(self.end, "failed", error=type(error).__name__)

    def begin(self) -> None:
        """Record from the first step on; a run that was killed before it saved anything starts over."""
        self._write_recipe()
        self.run.forget_scalars()
        forget_measurements(self.run)

    def resume_after(self, resumption: Resumption, *, later: Sequence[str]) -> None:
        """Continue the record from a checkpoint: what was logged beyond it is made again."""
        checkpoint = resumption.checkpoint
        self._write_recipe()
        seconds = self.run.forget_after(phase=checkpoint.phase, step=checkpoint.step, later=later)
        forget_measurements(self.run, phase=checkpoint.phase, step=checkpoint.step, later=later)
        self.began = time.monotonic() - seconds
        changes = {key: list(values) for key, values in resumption.changes.items()}
        told = {"changed": changes} if changes else {}
        self.run.log_event("resumed", phase=checkpoint.phase, step=checkpoint.step, **told)
        self.reporter.line(f"going on after step {checkpoint.step} of {checkpoint.phase}")
        place = {"folder": checkpoint.folder, "phase": checkpoint.phase, "step": checkpoint.step}
        self.hooks.call("attnforge_checkpoint_load", **place)

    def optimizers_were_reset(self, optimizers: Sequence[str]) -> None:
        """Tell which optimisers have lost their moments, because their weights were migrated."""
        if optimizers:
            names = ", ".join(optimizers)
            self.run.log_event("migrated", optimizers=list(optimizers))
            self.reporter.line(f"weights were migrated; moments begin anew in the optimiser of {names}")

    def measured(self, measurement: Measurement) -> None:
        """Write down what was measured, and hand the figures to trackers."""
        write_measurement(self.run, measurement)
        self.run.log_event("measured", weights=measurement.name, **measurement.metrics)
        numbers = {
            name: float(value) for name, value in measurement.metrics.items() if not isinstance(value, str)
        }
        for tracker in self.trackers:
            tracker.scalars(numbers, phase=measurement.phase, step=measurement.step)

    def end(self, reason: str, **details: str) -> None:
        """Write down that the run is over, and why: `finished`, `stopped` or `failed`."""
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
        """Record one phase: gives what the loop calls after every step, and saves at the end.

        Args:
            name: Name of the phase.
            phase: Its cadences.
            task: What is trained.
            parts: Holds the tokenizer that goes into checkpoints.
            start: Steps made before, when resuming.
            steps: Steps of the phase in all.
            images: Images in the data, which make an epoch.
            samples: The fixed captions; None when nothing is drawn in this phase.
            constants: Buffers, as `network/buffer`, that need not be finite.
        """
        networks = task.networks()
        own = {*own_files(networks), LOCK}
        drawing = networks.get("generator-average", networks.get("generator"))
        last: StepResult | None = None
        saved = start
        # Asked once, so that a step for which no plugin listens has nothing to build and nobody to call.
        step_end = self.hooks.caller("attnforge_step_end")
        epoch_end = self.hooks.caller("attnforge_epoch_end")

        def save(step: int) -> None:
            nonlocal saved

            def add(folder: Path) -> None:
                let_plugins_add(self.hooks, folder, own=own, phase=name, step=step)
                write_text(folder / LOCK, seal(self.resolved.frozen()))

            folder = save_checkpoint(
                self.run.checkpoints,
                phase=name,
                step=step,
                networks=networks,
                optimizers=task.optimizers(),
                tokenizer=parts.tokenizer,
                keep=self.keep,
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
                if samples and drawing is not None and _due(result.step, phase.sample_every, steps):
                    paths = samples.write(drawing, phase=name, step=result.step)
                    for tracker in self.trackers:
                        tracker.images(paths, phase=name, step=result.step)
                if epoch_end is not None:
                    before, now = (
                        (made * phase.batch_size) // images for made in (result.step - 1, result.step)
                    )
                    if now > before:
                        epoch_end(phase=name, epoch=now)
                if saving and result.step < steps:
                    save(result.step)
                return True

            yield after_step
        if last is not None and last.step > saved:
            as_numbers(last)  # weights that are no numbers are not worth keeping
            save(last.step)

    def _write_recipe(self) -> None:
        self.run.write_recipe(recipe=self.asked, lock=self.resolved.frozen())

    def _log(self, phase: str, step: int, scalars: Mapping[str, float]) -> None:
        self.run.log_scalars(phase=phase, step=step, seconds=time.monotonic() - self.began, values=scalars)
        for tracker in self.trackers:
            tracker.scalars(scalars, phase=phase, step=step)

    def _charged(self, failure: Failure) -> None:
        self.run.log_event(
            "plugin-failed",
            plugin=failure.plugin,
            hook=failure.hook,
            error=describe_error(failure.error),
            traceback=failure.traceback(),
        )


def _due(step: int, every: int, last: int) -> bool:
    return bool(every) and (step % every == 0 or step == last)
