"""What happens after each training step: one small listener each for logs, hooks, samples and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import nn

from attnforge.build.parts import Parts
from attnforge.interfaces import Task, Tracker
from attnforge.plugin.hooks import Hooks
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.schema import Phase
from attnforge.recipe.seal import seal
from attnforge.run.plugin_files import collect_plugin_files
from attnforge.sampling.samples import FixedSamples
from attnforge.storage.checkpoints.checkpoint import LOCK
from attnforge.storage.checkpoints.saving import own_files, save_checkpoint
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
        return step % self.options.log_every == 0 or step in (1, self.steps) or self.is_saved(step)


@runtime_checkable
class StepListener(Protocol):
    """Called after every step, in the order in which listeners are listed."""

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> None:
        """`scalars` are the step's numbers where it is logged, else None."""
        ...


@dataclass(frozen=True, slots=True)
class ScalarLog:
    """Writes scalars to the run's metrics.jsonl and passes them to trackers."""

    run: RunFolder
    trackers: Sequence[Tracker]
    seconds: Callable[[], float]
    """How long the run has trained."""

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> None:
        if scalars is None:
            return
        phase, step = result.phase, result.step
        self.run.log_scalars(phase=phase, step=step, seconds=self.seconds(), values=scalars)
        for tracker in self.trackers:
            tracker.scalars(scalars, phase=phase, step=step)


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
        batch_size, images = self.trained.options.batch_size, self.trained.images
        before, epoch = ((step * batch_size) // images for step in (result.step - 1, result.step))
        if epoch > before:
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
    """Saves checkpoints at their intervals, and the last one when the phase ends.

    Args:
        run: Where they are written.
        hooks: Adds the files of plugins.
        resolved: The recipe that goes into each.
        trained: The phase.
        data: Fingerprint of the training data.
        constants: Buffers, as `network/buffer`, that need not be finite.
        keep: How many of the phase are kept.
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
        keep: int,
    ) -> None:
        self.run = run
        self.hooks = hooks
        self.resolved = resolved
        self.trained = trained
        self.data = data
        self.constants = constants
        self.keep = keep
        self.networks = trained.task.networks()
        self.last: StepResult | None = None
        self.saved = trained.start

    def after_step(self, result: StepResult, scalars: Mapping[str, float] | None) -> None:
        self.last = result
        if self.trained.is_saved(result.step) and result.step < self.trained.steps:
            self._save(result.step)

    def finish(self) -> None:
        """Save the last step that was made, unless it was saved already.

        Raises:
            RunError: its scalars or weights are not finite; such weights are not worth saving.
        """
        if self.last is not None and self.last.step > self.saved:
            as_numbers(self.last)
            self._save(self.last.step)

    def _save(self, step: int) -> None:
        trained = self.trained
        folder = save_checkpoint(
            self.run.checkpoints,
            phase=trained.name,
            step=step,
            networks=self.networks,
            optimizers=trained.task.optimizers(),
            tokenizer=trained.parts.tokenizer,
            keep=self.keep,
            sampling_network=trained.task.sampling_network,
            extras=trained.parts.extras,
            data=self.data,
            constants=self.constants,
            add=partial(self._add_files, step=step),
        )
        self.saved = step
        self.run.log_event("saved", checkpoint=folder.name)

    def _add_files(self, folder: Path, *, step: int) -> None:
        own = {*own_files(self.networks), LOCK}
        collect_plugin_files(self.hooks, folder, own=own, phase=self.trained.name, step=step)
        write_text(folder / LOCK, seal(self.resolved.frozen()))
