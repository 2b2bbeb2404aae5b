"""From a resolved recipe to a run folder: phases one after the other, checkpoints, samples, figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from attnforge.build import assemble
from attnforge.build.datasets import Datasets
from attnforge.build.parts import Parts
from attnforge.data.fingerprint import fingerprint
from attnforge.errors import Problem, RunError
from attnforge.evaluate.measure import build_metrics
from attnforge.interfaces import Dataset, Tokenizer
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.scalars import write as write_yaml
from attnforge.recipe.schema import Recipe
from attnforge.recipe.weights import refuse_random_weights
from attnforge.run.captions import refuse_captions, warn_of_lost_words
from attnforge.run.encoders import (
    describe_encoders,
    find_encoders,
    phases_to_train,
    same_vocabulary,
    take_encoders,
)
from attnforge.run.exclusive import exclusive
from attnforge.run.folder import RunFolder
from attnforge.run.measuring import TrainingMetrics
from attnforge.run.progress import Reporter
from attnforge.run.recorder import Recorder
from attnforge.run.resuming import (
    Resumption,
    find_resumption,
    load_task,
    refuse_fewer_steps,
    refuse_other_data,
)
from attnforge.run.samples import FixedSamples
from attnforge.run.stop import StopSignal
from attnforge.run.tasks import build_task, phase_batches, sampling_network, steps_of
from attnforge.run.trial.steps import try_phases
from attnforge.train.checkpoints.checkpoint import Checkpoint
from attnforge.train.checkpoints.finite import constants_of
from attnforge.train.checkpoints.saving import remove_partial
from attnforge.train.device import choose_device
from attnforge.train.engine import Engine
from attnforge.train.loop import StepResult, run_phase


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training run ended."""

    run: RunFolder
    finished: bool
    """False when a signal asked it to leave before the last phase was through."""
    metrics: dict[str, Any]
    """What was measured in the end; empty when the run was left early."""


def train(
    resolved: ResolvedRecipe,
    path: Path,
    *,
    resume: bool,
    reporter: Reporter,
    asked: str | None = None,
    stop: StopSignal | None = None,
) -> Outcome:
    """Train every phase of a recipe into the run folder `path`.

    Phases that train nothing but encoders are left out when the recipe names a run to take these from.

    A resumed run makes the same steps as one that was never stopped: batches, noise and initial weights
    depend on seeds and positions alone, and checkpoints hold everything else.

    Args:
        resolved: The recipe.
        path: The run folder.
        resume: Whether to resume the run that is there.
        reporter: Tells the user.
        asked: The recipe as it was asked for, as YAML; what `resolved` was made of when not given.
        stop: What hears signals, already entered; one for this run when not given.

    Raises:
        RunError: the folder holds a run and `resume` is off, or is in use, or cannot be written, or none of
            its checkpoints can be used, or the recipe changes what was trained already, or there are no such
            encoders, or a checkpoint's vocabulary is not the data's.
        RecipeError: a part needs pretrained weights that the recipe does not name.
        DataError: the data is missing or malformed, or is not that of the checkpoint.
    """
    if stop is None:
        with StopSignal() as stop:
            return train(resolved, path, resume=resume, reporter=reporter, asked=asked, stop=stop)
    recipe = assemble(resolved)
    with exclusive(path, purpose="training", warn=reporter.warning):
        return _train(resolved, recipe, path, resume=resume, reporter=reporter, asked=asked, stop=stop)


def _train(
    resolved: ResolvedRecipe,
    recipe: Recipe,
    path: Path,
    *,
    resume: bool,
    reporter: Reporter,
    asked: str | None,
    stop: StopSignal,
) -> Outcome:
    _refuse_to_overwrite(path, resume=resume)
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    if recipe.training.tune_convolutions:
        torch.backends.cudnn.benchmark = True
    device = choose_device(recipe.training.device)
    names, left_out = phases_to_train(recipe)
    remove_partial(RunFolder(path).checkpoints)
    warnings: list[str] = []

    def warn(text: str) -> None:
        warnings.append(text)
        reporter.warning(text)

    resumption = find_resumption(RunFolder(path), resolved, phases=names, warn=warn) if resume else None
    checkpoint = resumption.checkpoint if resumption else None
    if checkpoint is None and recipe.encoders is None:
        refuse_random_weights(resolved)
    # before a folder is made: missing data shall leave no run behind
    datasets = Datasets(recipe.data)
    # only captions are read here; the generator that knows the size needs the vocabulary
    data = datasets.of_any_size("train")
    known_data = fingerprint(data)
    if checkpoint is not None:
        refuse_other_data(checkpoint, known_data, recipe=recipe, warn=warn)
        refuse_fewer_steps(checkpoint, steps_of(recipe.phases[checkpoint.phase], images=len(data)))
    tokenizer = _fit(recipe, data, checkpoint)
    encoders = None if checkpoint else find_encoders(recipe, tokenizer, warn=warn)
    engine = Engine.of(recipe.training, device)
    parts = Parts(recipe, tokenizer=tokenizer, device=device, engine=engine, datasets=datasets)
    refuse_captions(parts, names)
    if encoders is not None:
        take_encoders(parts, encoders)
    if recipe.generator is not None:
        build_metrics(parts)  # a file that they lack is told now and not when training has ended
    try_phases(
        recipe,
        names[names.index(checkpoint.phase) if checkpoint else 0 :],
        resolved=resolved,
        tokenizer=tokenizer,
        datasets=datasets,
        engine=engine,
    )
    written = asked if asked is not None else write_yaml(resolved.plain())
    with ExitStack() as recording:
        # measuring at the end has nothing to save, so there a signal ends the run at once
        with stop.saving_first():
            run = RunFolder.create(path, recipe=written, lock=resolved.frozen())
            reporter.line(f"run {run.path}")
            if recipe.training.cuda_graphs and not engine.cuda_graphs:
                reporter.line(f"`training.cuda_graphs` has no effect on the device `{device}`")
            if encoders is not None:
                reporter.line(describe_encoders(encoders, left_out))
            if checkpoint is None:
                warn_of_lost_words(parts, run, reporter)
            recorder = Recorder(
                run, recipe=recipe, resolved=resolved, asked=written, data=known_data, reporter=reporter
            )
            recording.enter_context(recorder)
            for text in warnings:
                run.log_event("warning", message=text)
            metrics = TrainingMetrics(parts, resolved=resolved, recorder=recorder)
            finished = _train_phases(parts, run, recorder, metrics, stop, names, resumption)
        if not finished:
            recorder.end("stopped")
            reporter.line(f"saved; go on with: attnforge train --resume {run.path}")
            return Outcome(run=run, finished=False, metrics={})
        measured = metrics.measure_end()
        if measured:
            run.write_json("result.json", measured)
        recorder.end("finished")
    return Outcome(run=run, finished=True, metrics=measured)


def _train_phases(
    parts: Parts,
    run: RunFolder,
    recorder: Recorder,
    metrics: TrainingMetrics,
    stop: StopSignal,
    names: Sequence[str],
    resumption: Resumption | None,
) -> bool:
    recipe = parts.recipe
    checkpoint = resumption.checkpoint if resumption else None
    if checkpoint is not None:
        same_vocabulary(parts.tokenizer, checkpoint, again=f"attnforge train RECIPE --out {run.path}-new")
    else:
        recorder.begin()
    samples: FixedSamples | None = None
    for name in names[names.index(checkpoint.phase) if checkpoint else 0 :]:
        phase = recipe.phases[name]
        data = parts.dataset("train", image_size=phase.image_size)
        steps = steps_of(phase, images=len(data))
        task = build_task(parts, phase, name=name)
        recorder.hooks.call("attnforge_model_built", networks=task.networks(), phase=name)
        start = 0
        constants = constants_of(task.networks())
        if resumption is not None and resumption.checkpoint.phase == name:
            anew = load_task(resumption, task)
            recorder.resume_after(resumption, later=names[names.index(name) + 1 :])
            recorder.optimizers_were_reset(anew)
            start = resumption.checkpoint.step
        measure = metrics.watch(task, phase=name, steps=steps, images=len(data))
        drawing = sampling_network(task)
        if drawing is not None and phase.sample_every:
            samples = samples or FixedSamples.choose(parts, run)
        with recorder.phase(
            name,
            phase,
            task,
            parts,
            start=start,
            steps=steps,
            images=len(data),
            samples=samples,
            constants=constants,
        ) as after_step:
            made = run_phase(
                task,
                phase_batches(parts, phase, data, start=start, steps=steps),
                phase=name,
                start=start,
                steps=steps,
                batch_size=phase.batch_size,
                images=len(data),
                seed=recipe.training.seed,
                after_step=partial(_after_step, measure=measure, record=after_step, stop=stop),
            )
        if made < steps:
            return False
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


def _fit(recipe: Recipe, data: Dataset, checkpoint: Checkpoint | None) -> Tokenizer:
    tokenizer = recipe.tokenizer()
    if checkpoint is not None:  # words that are not learned may have no other place by now
        checkpoint.load_tokenizer(tokenizer)
    tokenizer.fit([caption for index in range(len(data)) for caption in data.captions(index)])
    return tokenizer


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
