"""From a resolved recipe to a run folder: phases one after the other, checkpoints, samples, figures."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from attnforge.build import assemble
from attnforge.build.builder import class_of
from attnforge.build.parts import Parts
from attnforge.data.loader import batches
from attnforge.errors import Problem, RunError
from attnforge.evaluate.measure import build_metrics
from attnforge.interfaces import Dataset, Task, Tokenizer
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.scalars import write as write_yaml
from attnforge.recipe.schema import Phase, Recipe
from attnforge.run.encoders import find_encoders, phases_to_train, same_vocabulary, take_encoders
from attnforge.run.folder import RunFolder
from attnforge.run.measuring import TrainingFigures
from attnforge.run.progress import Reporter
from attnforge.run.recorder import Recorder
from attnforge.run.samples import FixedSamples
from attnforge.run.stop import StopSignal
from attnforge.specs import DataSpec
from attnforge.train.checkpoints import Checkpoint, latest_checkpoint, remove_partial
from attnforge.train.device import choose_device
from attnforge.train.loop import StepResult, run_phase


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training run ended."""

    run: RunFolder
    finished: bool
    """False when a signal asked it to leave before the last phase was through."""
    figures: dict[str, Any]
    """What was measured in the end; empty when the run was left early."""


def train(
    resolved: ResolvedRecipe,
    path: Path,
    *,
    resume: bool,
    reporter: Reporter,
    stop: StopSignal | None = None,
) -> Outcome:
    """Train every phase of a recipe into the run folder `path`.

    Phases that train nothing but encoders are left out when the recipe names a run to take these from.

    A resumed run makes the same steps as one that was never stopped: batches, noise and initial weights
    depend on seeds and positions alone, and checkpoints hold everything else.

    Args:
        resolved: What to train.
        path: The run folder.
        resume: Whether to go on with the run that is there.
        reporter: Tells the user.
        stop: What hears signals, already entered; one for this run when not given.

    Raises:
        RunError: the folder holds a run and `resume` is off, or cannot be written, or there are no such
            encoders, or a checkpoint's vocabulary is not the data's.
        DataError: the data is missing or malformed.
    """
    if stop is None:
        with StopSignal() as stop:
            return train(resolved, path, resume=resume, reporter=reporter, stop=stop)
    recipe = assemble(resolved)
    _refuse_to_overwrite(path, resume=resume)
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    device = choose_device(recipe.training.device)
    names, left_out = phases_to_train(recipe)
    remove_partial(RunFolder(path).checkpoints)
    checkpoint = _last_checkpoint(RunFolder(path), names) if resume else None
    tokenizer = _fit(recipe, checkpoint)  # before a folder is made: missing data shall leave no run behind
    encoders = None if checkpoint else find_encoders(recipe, tokenizer)
    parts = Parts(recipe, tokenizer=tokenizer, device=device)
    if encoders is not None:
        take_encoders(parts, encoders)
    _try_metrics(parts, quietly=checkpoint is not None)
    run = RunFolder.create(path, recipe=write_yaml(resolved.plain()), lock=resolved.frozen())
    reporter.line(f"run {run.path}")
    if encoders is not None:
        reporter.line(_of_encoders(encoders, left_out))
    with Recorder(run, recipe=recipe, resolved=resolved, reporter=reporter) as recorder:
        with stop.saving_first():  # measuring has nothing to save, so there a signal ends the run at once
            figures = TrainingFigures(parts, resolved=resolved, recorder=recorder)
            finished = _train_phases(parts, run, recorder, figures, stop, names, checkpoint)
        if not finished:
            recorder.end("stopped")
            reporter.line(f"saved; go on with: attnforge train --resume {run.path}")
            return Outcome(run=run, finished=False, figures={})
        measured = figures.measure_end()
        if measured:
            run.write_json("result.json", measured)
        recorder.end("finished")
    return Outcome(run=run, finished=True, figures=measured)


def _train_phases(
    parts: Parts,
    run: RunFolder,
    recorder: Recorder,
    figures: TrainingFigures,
    stop: StopSignal,
    names: Sequence[str],
    checkpoint: Checkpoint | None,
) -> bool:
    recipe = parts.recipe
    if checkpoint is not None:
        same_vocabulary(parts.tokenizer, checkpoint, again=f"attnforge train RECIPE --out {run.path}-new")
    else:
        recorder.begin()
    samples: FixedSamples | None = None
    for name in names[names.index(checkpoint.phase) if checkpoint else 0 :]:
        phase = recipe.phases[name]
        data = parts.dataset("train", image_size=phase.image_size)
        steps = phase.steps or max(1, (phase.epochs or 1) * len(data) // phase.batch_size)
        with warnings.catch_warnings():
            if checkpoint is not None and checkpoint.phase == name:
                warnings.simplefilter("ignore")  # of first weights, which the checkpoint's replace
            task = _build_task(parts, phase)
        recorder.hooks.call("attnforge_model_built", networks=task.networks(), phase=name)
        start = 0
        if checkpoint is not None and checkpoint.phase == name:
            anew = checkpoint.load_task(task, parts.device)
            recorder.go_on_after(checkpoint, later=names[names.index(name) + 1 :])
            recorder.begins_anew(anew)
            start = min(checkpoint.step, steps)
        measure = figures.watch(task, phase=name, steps=steps, pictures=len(data))
        drawing = drawing_network(task)
        if drawing is not None and phase.sample_every:
            samples = samples or FixedSamples.choose(parts, run)
        with recorder.phase(
            name, phase, task, parts, start=start, steps=steps, pictures=len(data), samples=samples
        ) as after_step:
            made = run_phase(
                task,
                _load(parts, phase, name, data, start=start, steps=steps),
                phase=name,
                start=start,
                steps=steps,
                batch_size=phase.batch_size,
                pictures=len(data),
                seed=recipe.training.seed,
                after_step=partial(_after_step, measure=measure, record=after_step, stop=stop),
            )
        if made < steps:
            return False
        if drawing is not None:
            cast("nn.Module", parts.generator).load_state_dict(drawing.state_dict())
    return True


def _after_step(
    result: StepResult,
    *,
    measure: Callable[[StepResult], None],
    record: Callable[[StepResult], bool],
    stop: StopSignal,
) -> bool:
    measure(result)
    return record(result) and not stop.asked


def _load(parts: Parts, phase: Phase, name: str, data: Dataset, *, start: int, steps: int) -> Any:
    return batches(
        data,
        parts.tokenizer,
        batch_size=phase.batch_size,
        seed=parts.recipe.training.seed,
        start_step=start,
        steps=steps,
        max_words=phase.max_words,
        truncate=phase.truncate,
        order=phase.order,
        workers=parts.recipe.training.workers,
        device=parts.device,
    )


def drawing_network(task: Task) -> nn.Module | None:
    """The network of a task that pictures are drawn with: the averaged generator where there is one."""
    networks = task.networks()
    return networks.get("generator-average", networks.get("generator"))


def _build_task(parts: Parts, phase: Phase) -> Task:
    return phase.task(parts.task_spec(class_of(phase.task).needs))


def _fit(recipe: Recipe, checkpoint: Checkpoint | None) -> Tokenizer:
    # only captions are read here, so any size does; the generator that knows the size needs the vocabulary
    data = recipe.data(DataSpec(split="train", image_size=64))
    tokenizer = recipe.tokenizer()
    if checkpoint is not None:  # words that are not learned may have no other place by now
        checkpoint.load_tokenizer(tokenizer)
    tokenizer.fit([caption for index in range(len(data)) for caption in data.captions(index)])
    return tokenizer


def _try_metrics(parts: Parts, *, quietly: bool) -> None:
    """Build the metrics once, so that a file they lack is told now and not when training has ended."""
    if parts.recipe.generator is None:
        return
    with warnings.catch_warnings():
        if quietly:
            warnings.simplefilter("ignore")  # of first weights, which a checkpoint's replace
        build_metrics(parts)


def _last_checkpoint(run: RunFolder, phases: Sequence[str]) -> Checkpoint | None:
    for name in reversed(phases):
        if (checkpoint := latest_checkpoint(run.checkpoints, phase=name)) is not None:
            return checkpoint
    return None


def _of_encoders(checkpoint: Checkpoint, left_out: Sequence[str]) -> str:
    taken = f"encoders are taken from {checkpoint.folder}"
    return f"{taken}, so phase {' and '.join(left_out)} is left out" if left_out else taken


def _refuse_to_overwrite(path: Path, *, resume: bool) -> None:
    if resume or not (path / "recipe.lock.yaml").exists():
        return
    raise RunError(
        Problem(
            code="run-exists",
            message=f"there is a run in {path} already",
            expected="a new folder, or --resume to go on with the run",
            next_step=f"attnforge train --resume {path}",
        )
    )
