"""From a resolved recipe to a run folder: phases one after the other, checkpoints, samples, metrics."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from attnforge import __version__
from attnforge.build import assemble
from attnforge.build.datasets import Datasets
from attnforge.build.parts import Parts
from attnforge.compute.allocation import keep_freed_memory
from attnforge.compute.collectives import rank, world_size
from attnforge.compute.device import choose_device
from attnforge.compute.engine import Engine
from attnforge.compute.meeting import Meeting, met
from attnforge.compute.member import Member, member, train_command
from attnforge.compute.processes import barrier, joined, largest_of_processes
from attnforge.compute.settings import set_up_torch
from attnforge.data.all_captions import AllCaptions
from attnforge.data.fingerprint import fingerprint
from attnforge.errors import Problem, RunError
from attnforge.evaluate.encoders import EncoderMetrics
from attnforge.evaluate.headlines import markdown_table
from attnforge.evaluate.measure import Metrics
from attnforge.interfaces import Dataset, Tokenizer
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.scalars import write as write_yaml
from attnforge.recipe.schema import Recipe
from attnforge.recipe.weights import refuse_random_weights
from attnforge.run.captions import check_captions, warn_of_data
from attnforge.run.estimate.memory_guard import MemoryGuard
from attnforge.run.follower import Follower, digest_of_networks, refuse_differences
from attnforge.run.listeners import TrainedPhase
from attnforge.run.pretrained import (
    describe_pretrained,
    find_pretrained,
    load_pretrained,
    phases_to_train,
    refuse_other_vocabulary,
)
from attnforge.run.recorder import Recorder
from attnforge.run.resuming import (
    Resumption,
    find_resumption,
    load_task,
    refuse_fewer_steps,
    refuse_other_data,
)
from attnforge.run.skipped_images import SkippedImages
from attnforge.run.skipped_steps import recovery_of
from attnforge.run.stop import StopSignal
from attnforge.run.tasks import (
    build_task,
    excess_workers,
    phase_batches,
    refuse_indivisible,
    sampling_network,
    steps_of,
)
from attnforge.run.training_metrics import TrainingMetrics
from attnforge.run.trial.steps import try_phases
from attnforge.sampling.samples import FixedSamples
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.finite import constants_of
from attnforge.storage.checkpoints.saving import remove_partial
from attnforge.storage.exclusive import exclusive
from attnforge.storage.folder import RunFolder
from attnforge.train.loop import StepResult, run_phase
from attnforge.train.progress import Reporter, SilentReporter


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training run ended."""

    run: RunFolder
    finished: bool
    """False when a signal stopped it before the end of the last phase."""
    metrics: dict[str, Any]
    """The metrics measured at the end; empty when the run was stopped early."""
    recorded: bool = True
    """False in a process that trains a run which another process records and reports."""

    def _repr_markdown_(self) -> str:
        end = "finished" if self.finished else "stopped, and can be resumed"
        return f"`{self.run.path}`: {end}\n\n{markdown_table(self.metrics) if self.metrics else ''}".rstrip()


def train(
    resolved: ResolvedRecipe,
    path: Path,
    *,
    resume: bool,
    reporter: Reporter,
    allow_changes: bool = False,
    recipe_text: str | None = None,
    stop: StopSignal | None = None,
    meeting: Meeting | None = None,
) -> Outcome:
    """Train every phase of a recipe into the run folder `path`.

    Phases that train nothing but encoders are skipped when the recipe takes these from another run.

    A resumed run makes the same steps as one that was never stopped: batches, noise and initial weights
    depend only on seeds and positions, and checkpoints hold everything else.

    Args:
        resolved: The recipe.
        path: The run folder.
        resume: Whether to resume the run in that folder.
        reporter: Where progress is reported.
        allow_changes: Whether values that affect training may differ from those of a resumed run.
        recipe_text: The recipe as the user wrote it, as YAML; by default the resolved one.
        stop: The signal handler, already entered; by default one for this run.
        meeting: Where the processes that train together have met; by default they meet here.

    Raises:
        RunError: the folder holds a run and `resume` is off, or is in use, or cannot be written, or none of
            its checkpoints can be used, or the recipe changes what was trained already, or what affects
            training without being allowed to, or pretrained weights are missing, or the vocabulary of a
            checkpoint differs from the data's.
        RecipeError: a part needs pretrained weights that the recipe does not name.
        DataError: the data is missing or malformed, or differs from the data of the checkpoint.
    """
    with ExitStack() as entered:
        if stop is None:
            stop = entered.enter_context(StopSignal())
        if meeting is None:
            meeting = entered.enter_context(met(member()))
        own = meeting.own
        recipe = assemble(resolved)
        device = choose_device(recipe.training.device, local_rank=own.local_rank)
        resume = resume or own.restarts > 0
        if own.rank > 0:
            reporter = SilentReporter()
        timeout = recipe.training.process_timeout
        entered.enter_context(
            joined(meeting, device=device, timeout_seconds=timeout, run=shlex.quote(str(path)))
        )
        refuse_indivisible(recipe, own.world_size)
        if own.rank == 0:
            entered.enter_context(exclusive(path, purpose="training", warn=reporter.warning))
            _refuse_to_overwrite(path, resume=resume)
            remove_partial(RunFolder(path).checkpoints)
        barrier()
        return _train(
            resolved,
            recipe,
            path,
            device=device,
            resume=resume,
            reporter=reporter,
            allow_changes=allow_changes,
            recipe_text=recipe_text,
            stop=stop,
            own=own,
        )


def _train(
    resolved: ResolvedRecipe,
    recipe: Recipe,
    path: Path,
    *,
    device: torch.device,
    resume: bool,
    reporter: Reporter,
    allow_changes: bool,
    recipe_text: str | None,
    stop: StopSignal,
    own: Member,
) -> Outcome:
    set_up_torch(recipe.training)
    keep_freed_memory(device)
    names, skipped = phases_to_train(recipe)
    warnings: list[str] = []

    def warn(text: str) -> None:
        warnings.append(text)
        reporter.warning(text)

    if unhelpful := excess_workers(recipe.training.workers):
        warn(unhelpful)
    resumption = None
    if resume:
        resumption = find_resumption(
            RunFolder(path), resolved, phases=names, warn=warn, allow_changes=allow_changes
        )
    checkpoint = resumption.checkpoint if resumption else None
    if checkpoint is None and not recipe.pretrained:
        refuse_random_weights(resolved)
    # before a folder is made: missing data must not leave a run behind
    datasets = Datasets(recipe.data, on_bad_image=recipe.training.on_bad_image)
    # only captions are read here; the generator that knows the image size needs the vocabulary first
    data = datasets.of_any_size("train")
    data_fingerprint = fingerprint(data)
    if checkpoint is not None:
        refuse_other_data(checkpoint, data_fingerprint, recipe=recipe, warn=warn)
        refuse_fewer_steps(checkpoint, steps_of(recipe.phases[checkpoint.phase], images=len(data)))
    tokenizer = _fit_tokenizer(recipe, data, checkpoint)
    engine = Engine.of(recipe.training, device)
    refuse_differences(
        {
            "version": f"{__version__} with torch {torch.__version__}",
            "recipe": resolved.digest,
            "checkpoint": "none" if checkpoint is None else checkpoint.folder.name,
            "data": ", ".join(f"{name} {value}" for name, value in data_fingerprint.items()),
            "vocabulary": tokenizer.fingerprint,
            "precision": engine.precision,
        }
    )
    pretrained = [] if checkpoint else find_pretrained(recipe, tokenizer, warn=warn)
    parts = Parts(recipe, tokenizer=tokenizer, device=device, engine=engine, datasets=datasets)
    check_captions(parts, names)
    load_pretrained(parts, pretrained)
    metrics = None
    if recipe.generator is not None:
        metrics = Metrics(parts, report=reporter.line)  # a missing file is reported now, not after training
    encoders = {
        name: EncoderMetrics(parts, recipe.phases[name])
        for name in names[names.index(checkpoint.phase) if checkpoint else 0 :]
        if recipe.phases[name].evaluation.metrics
    }
    try_phases(
        recipe,
        names[names.index(checkpoint.phase) if checkpoint else 0 :],
        resolved=resolved,
        tokenizer=tokenizer,
        datasets=datasets,
        engine=engine,
        command=resume_command(path) if checkpoint else "attnforge train RECIPE",
    )
    if recipe_text is None:
        recipe_text = write_yaml(resolved.plain())
    with ExitStack() as recording:
        # the final evaluation has nothing to save, so there a signal ends the run at once
        with stop.saving_first():
            run = RunFolder(path)
            recorder: Recorder | Follower = Follower(resolved.plugins.hooks, reporter)
            if rank() == 0:
                run = RunFolder.create(path, recipe=recipe_text, lock=resolved.frozen())
                reporter.line(f"run {run.path}")
                if recipe.advice:
                    reporter.line(f"note: {recipe.advice}")
                if world_size() > 1:
                    reporter.line(f"training in {world_size()} processes")
                if recipe.training.cuda_graphs and not engine.cuda_graphs:
                    reporter.line(f"`training.cuda_graphs` has no effect on the device `{device}`")
                if pretrained:
                    reporter.line(describe_pretrained(pretrained, skipped))
                if checkpoint is None:
                    warn_of_data(parts, run, reporter)
                recorder = Recorder(
                    run,
                    recipe=recipe,
                    resolved=resolved,
                    recipe_text=recipe_text,
                    data=data_fingerprint,
                    reporter=reporter,
                )
                recording.enter_context(recorder)
                for text in warnings:
                    run.log_event("warning", message=text)
                if recipe.training.precision == "auto":
                    reporter.line(f"precision {engine.precision}")
                    run.log_event("precision", chosen=engine.precision)
            measuring = TrainingMetrics(metrics, encoders, resolved=resolved, recorder=recorder)
            finished = _train_phases(parts, run, recorder, measuring, stop, names, resumption)
        final_metrics = measuring.measure_final() if finished else {}
        if isinstance(recorder, Recorder):
            if final_metrics:
                run.write_json("result.json", final_metrics)
            recorder.end("finished" if finished else "stopped")
        if not finished:
            resuming = f"{train_command(own, os.environ)} --resume {run.path}"
            reporter.line(f"checkpoint saved; resume with: {resuming}")
    return Outcome(run=run, finished=finished, metrics=final_metrics, recorded=rank() == 0)


def _train_phases(
    parts: Parts,
    run: RunFolder,
    recorder: Recorder | Follower,
    metrics: TrainingMetrics,
    stop: StopSignal,
    names: Sequence[str],
    resumption: Resumption | None,
) -> bool:
    recipe = parts.recipe
    checkpoint = resumption.checkpoint if resumption else None
    if checkpoint is not None:
        refuse_other_vocabulary(
            parts.tokenizer, checkpoint, next_step=f"attnforge train RECIPE --out {run.path}-new"
        )
    else:
        recorder.start_from_scratch()
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
            reset_optimizers = load_task(resumption, task)
            recorder.resume_after(resumption, later=names[names.index(name) + 1 :])
            recorder.log_reset_optimizers(reset_optimizers)
            start = resumption.checkpoint.step
        measure = metrics.watch(task, phase=name, steps=steps, images=len(data))
        generator = sampling_network(task)
        if generator is not None and phase.sample_every and rank() == 0:
            samples = samples or FixedSamples.choose(parts, run)
        trained = TrainedPhase(name, phase, task, parts, start, steps, len(data))
        skipped = SkippedImages(run, phase=name, warn=recorder.reporter.warning)
        with recorder.phase(trained, samples=samples, constants=constants) as record, skipped:
            steps_done = run_phase(
                MemoryGuard(task, recipe, name, parts.device, resume_command(run.path)),
                partial(phase_batches, parts, phase, data, steps=steps, on_skip=skipped.add),
                phase=name,
                start=start,
                steps=steps,
                batch_size=phase.batch_size,
                images=len(data),
                seed=recipe.training.seed,
                after_step=partial(_after_step, trained=trained, measure=measure, record=record, stop=stop),
                safeguard=recovery_of(trained, run, constants=constants, warn=recorder.reporter.warning),
            )
            skipped.exchange()
        if steps_done < steps:
            return False
    return True


def resume_command(path: Path) -> str:
    """The command that resumes a run with overrides, which follow it."""
    return f"attnforge train --resume {shlex.quote(str(path))} --allow-changes"


def _after_step(
    result: StepResult,
    *,
    trained: TrainedPhase,
    measure: Callable[[StepResult], None],
    record: Callable[[StepResult], None],
    stop: StopSignal,
) -> bool:
    measure(result)
    if world_size() > 1 and (trained.is_saved(result.step) or result.step == result.steps):
        refuse_differences({"state of the networks": digest_of_networks(trained.task.networks())})
    record(result)
    if number := largest_of_processes(stop.pending):
        stop.request(number)  # all processes end with the code of the signal that one has received
    return not number


def _fit_tokenizer(recipe: Recipe, data: Dataset, checkpoint: Checkpoint | None) -> Tokenizer:
    tokenizer = recipe.tokenizer()
    if checkpoint is not None:  # a vocabulary that is not built from captions may exist only here
        checkpoint.load_tokenizer(tokenizer)
    tokenizer.fit(AllCaptions(data))
    return tokenizer


def _refuse_to_overwrite(path: Path, *, resume: bool) -> None:
    if resume or not (path / "recipe.lock.yaml").exists():
        return
    raise RunError(
        Problem(
            code="run-exists",
            message=f"{path} already holds a run",
            expected="a new folder, or --resume to continue that run",
            next_step=f"attnforge train --resume {path}",
        )
    )
