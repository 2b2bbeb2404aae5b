"""What happens after each training step: one small listener each for logs, hooks, samples and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from torch import nn

from attnforge.build.parts import Parts
from attnforge.interfaces import Task, Tracker
from attnforge.names import step_name
from attnforge.plugin.hooks import Hooks
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.schema import Phase, Training
from attnforge.recipe.seal import seal
from attnforge.run.best import BestCheckpoint
from attnforge.run.plugin_files import collect_plugin_files
from attnforge.sampling.samples import FixedSamples
from attnforge.storage.best import Best
from attnforge.storage.checkpoints.background import BackgroundWriter
from attnforge.storage.checkpoints.checkpoint import LOCK
from attnforge.storage.checkpoints.retention import Retention
from attnforge.storage.checkpoints.saving import (
    PreparedCheckpoint,
    own_files,
    prepare_checkpoint,
    remove_surplus,
)
from attnforge.storage.folder import RunFolder, write_text
from attnforge.train.loop import StepResult, as_numbers
from attnforge.train.progress import PhaseProgress


@dataclass(frozen=True, slots=True)
class TrainedPhase:
    """A phase while it is trained."""

    name: str
    options: Phase
    task: Task
    parts: Parts
    start: int
    """Steps that were done before, when resuming."""
    steps: int
    """Steps of the whole phase."""
    images: int
    """Images in the training data, which make an epoch."""

    def is_due(self, step: int, every: int) -> bool:
        """Whether something that happens every so many steps, and at the end, happens after this one."""
        return bool(every) and (step % every == 0 or step == self.steps)

    def is_saved(self, step: int) -> bool:
        """Whether a checkpoint is due after this step; the last step's is saved when the phase ends."""
        every = self.options.checkpoint_every
        return bool(every) and step % every == 0

    def is_logged(self, step: int) -> bool:
        """Whether the scalars of this step are read from the device."""
        regular = step % self.options.log_every == 0 or step in (1, self.steps)
        return regular or self.is_saved(step) or self.is_measured(step)

    def is_measured(self, step: int) -> bool:
        """Whether the encoders are measured after this step."""
        options = self.options.evaluation
        return bool(options.metrics) and self.is_due(step, options.every)

    def ends_epoch(self, step: int) -> int | None:
        """The number of the epoch that ends with this step, if one does."""
        before, epoch = (step * self.options.batch_size // self.images for step in (step - 1, step))
        return epoch if epoch > before else None

    def is_observed(self, step: int) -> bool:
        """Whether anything is logged, sampled, measured, saved or called after this step."""
        return (
            self.is_logged(step)
            or self.is_due(step, self.options.sample_every)
            or self.is_due(step, self.parts.recipe.evaluation.every)
            or self.is_measured(step)
            or self.ends_epoch(step) is not None
        )


@runtime_checkable
class StepListener(Protocol):
    """Called after every step, in the order in which listeners are listed."""

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> None:
        """`scalars` are the step's numbers where it is logged and was not skipped, else None."""
        ...


@dataclass(frozen=True, slots=True)
class ScalarLog:
    """Writes scalars to the run's metrics.jsonl and passes them to trackers."""

    run: RunFolder
    trackers: Sequence[Tracker]
    seconds: Callable[[], float]
    """How long the run has trained."""
    measured: Callable[[], Mapping[str, float]] = dict
    """Takes what was measured of encoders after the step, if anything was."""

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> None:
        measured = self.measured()
        if scalars is None and not measured:
            return
        values = {**(scalars or {}), **measured}
        phase, step = result.phase, result.step
        self.run.log_scalars(phase=phase, step=step, seconds=self.seconds(), values=values)
        for tracker in self.trackers:
            tracker.scalars(values, phase=phase, step=step)


class StepHooks:
    """Calls the hook `attnforge_step_end` in every step that is logged."""

    def __init__(self, hooks: Hooks) -> None:
        # looked up once, so that a step costs nothing when no plugin listens
        self.caller = hooks.caller("attnforge_step_end")

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> None:
        if self.caller is not None and scalars is not None:
            self.caller(phase=result.phase, step=result.step, scalars=scalars)


class EpochHooks:
    """Calls the hook `attnforge_epoch_end` after the last step of every epoch."""

    def __init__(self, hooks: Hooks, trained: TrainedPhase) -> None:
        self.caller = hooks.caller("attnforge_epoch_end")
        self.trained = trained

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> None:
        if self.caller is None:
            return
        epoch = self.trained.ends_epoch(result.step)
        if epoch is not None:
            self.caller(phase=result.phase, epoch=epoch)


@dataclass(frozen=True, slots=True)
class ShownProgress:
    """Advances the progress that a terminal shows."""

    progress: PhaseProgress

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> None:
        self.progress.advance(result, scalars)


@dataclass(frozen=True, slots=True)
class SampledImages:
    """Generates the fixed samples at their intervals and passes their files to trackers."""

    samples: FixedSamples
    generator: nn.Module
    trackers: Sequence[Tracker]
    trained: TrainedPhase

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> None:
        if not self.trained.is_due(result.step, self.trained.options.sample_every):
            return
        paths = self.samples.write(self.generator, phase=result.phase, step=result.step)
        for tracker in self.trackers:
            tracker.images(paths, phase=result.phase, step=result.step)


class Checkpoints:
    """Saves checkpoints at their intervals, the best by a metric, and the last one when the phase ends.

    A step waits only for the copy of weights and states in host memory; a thread writes it to disk. As a
    context manager, it waits for that thread, whatever ended the phase.

    Args:
        run: Where they are written.
        hooks: Adds the files of plugins.
        resolved: The recipe that goes into each.
        trained: The phase.
        data: Fingerprint of the training data.
        constants: Buffers, as `network/buffer`, that need not be finite.
        training: How many are kept.
        best: Which of them is the best.
    """

    def __init__(
        self,
        run: RunFolder,
        *,
        hooks: Hooks,
        resolved: ResolvedRecipe,
        trained: TrainedPhase,
        data: Mapping[str, str],
        constants: Sequence[str],
        training: Training,
        best: BestCheckpoint,
    ) -> None:
        self.run = run
        self.hooks = hooks
        self.resolved = resolved
        self.trained = trained
        self.data = data
        self.constants = constants
        self.training = training
        self.best = best
        self.networks = trained.task.networks()
        self.last: StepResult | None = None
        self.saved = trained.start
        self.writer = BackgroundWriter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.writer.wait()
        except Exception as failure:
            if error is None:
                raise
            error.add_note(f"the checkpoint before could not be saved either: {failure}")
        finally:
            self.writer.close()

    def is_due(self, step: int) -> bool:
        """Whether a checkpoint is saved after this step; the last step's is saved when the phase ends."""
        return self.trained.is_saved(step) or self.best.is_to_be_saved(step_name(self.trained.name, step))

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> None:
        self.last = result
        self.writer.raise_failure()
        if self.is_due(result.step) and result.step < self.trained.steps:
            if scalars is None:  # the best by a metric, at a step that is not logged
                as_numbers(result)
            self._save(result.step)

    def finish(self) -> None:
        """Save the last step that was made, unless it was saved already, and wait until it is on disk.

        Raises:
            RunError: its scalars or weights are not finite; such weights are not worth saving.
        """
        if self.last is not None and self.last.step > self.saved:
            as_numbers(self.last)
            self._save(self.last.step)
        self.writer.wait()

    def _save(self, step: int) -> None:
        trained = self.trained
        self.writer.wait()  # one copy in host memory is enough
        checkpoint = prepare_checkpoint(
            self.run.checkpoints,
            phase=trained.name,
            step=step,
            networks=self.networks,
            optimizers=trained.task.optimizers(),
            tokenizer=trained.parts.tokenizer,
            sampling_network=trained.task.sampling_network,
            extras=trained.parts.extras,
            data=self.data,
            constants=self.constants,
            add=partial(self._add_files, step=step),
        )
        self.writer.start(partial(self._write, checkpoint, self.best.current))
        self.saved = step

    def _write(self, checkpoint: PreparedCheckpoint, best: Best | None) -> None:
        """Write a checkpoint and remove older ones; runs in the writer's thread."""
        folder = checkpoint.write()
        self.run.log_event("saved", checkpoint=folder.name)
        self.best.note_saved(folder.name, best)
        retention = Retention(
            last=self.training.keep,
            every=self.training.keep_every,
            best=None if best is None else best.checkpoint,
        )
        remove_surplus(self.run.checkpoints, phase=self.trained.name, retention=retention)

    def _add_files(self, folder: Path, *, step: int) -> None:
        own = {*own_files(self.networks), LOCK}
        collect_plugin_files(self.hooks, folder, own=own, phase=self.trained.name, step=step)
        write_text(folder / LOCK, seal(self.resolved.frozen()))
