"""One real step of every phase before training, on networks that are discarded.

A problem of a later phase, such as too little memory or unreadable images, would otherwise show only after
the earlier phases have trained for days.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence

import torch

from attnforge.build.datasets import Datasets
from attnforge.build.parts import Parts
from attnforge.compute.engine import Engine
from attnforge.compute.processes import is_loss_of_a_process
from attnforge.errors import AttnforgeError, RecipeError, RunError
from attnforge.interfaces import Progress, Tokenizer
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.schema import Phase, Recipe
from attnforge.run.estimate.memory_guard import MemoryGuard
from attnforge.run.machine import problem_of
from attnforge.run.tasks import build_task, phase_batches, sampling_network, steps_of
from attnforge.run.trial.causes import phase_problems, wants_traceback
from attnforge.sampling.generating import generate_each, sampler_of
from attnforge.sampling.samples import sampled_captions
from attnforge.seeds import seed_everything


def try_phases(
    recipe: Recipe,
    names: Sequence[str],
    *,
    resolved: ResolvedRecipe,
    tokenizer: Tokenizer,
    datasets: Datasets,
    engine: Engine,
    command: str,
) -> None:
    """Run the first step of each phase and generate an image, with networks of their own.

    This does not affect the run.

    Args:
        recipe: The assembled recipe.
        names: The phases to train, in order.
        resolved: The same recipe, for the places of its components.
        tokenizer: With its vocabulary.
        datasets: The recipe's data.
        engine: How steps are computed.
        command: The command that trains with other options, which follow it, for a step that does not fit.

    Raises:
        RecipeError: a phase fails with these options.
        RunError: a step does not fit into memory.
    """
    devices = [engine.device] if engine.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        _try(recipe, names, resolved, tokenizer, datasets, engine, command)
    gc.collect()  # networks and optimizers form reference cycles, and their memory is needed now
    if engine.device.type == "cuda":
        torch.cuda.empty_cache()


def _try(
    recipe: Recipe,
    names: Sequence[str],
    resolved: ResolvedRecipe,
    tokenizer: Tokenizer,
    datasets: Datasets,
    engine: Engine,
    command: str,
) -> None:
    parts = Parts(recipe, tokenizer=tokenizer, device=engine.device, engine=engine, datasets=datasets)
    for name in names:
        try:
            _step(parts, recipe.phases[name], name, command)
        except Exception as error:
            error.add_note(f"during the trial step of phase `{name}`")
            if _is_of_the_machine(error) or (wants_traceback() and not isinstance(error, AttnforgeError)):
                raise
            raise RecipeError(phase_problems(error, phase=name, resolved=resolved)) from error


def _is_of_the_machine(error: Exception) -> bool:
    """Whether the machine is the cause, and no part of the recipe."""
    if isinstance(error, RunError):
        return any(problem.code == "out-of-memory" for problem in error.problems)
    return problem_of(error) is not None or is_loss_of_a_process(error)


def _step(parts: Parts, phase: Phase, name: str, command: str) -> None:
    data = parts.dataset("train", image_size=phase.image_size)
    task = build_task(parts, phase, name=name)
    batches = phase_batches(parts, phase, data, 0, steps=1, workers=0)
    seed_everything(parts.recipe.training.seed, name, 0)
    steps = steps_of(phase, images=len(data))
    MemoryGuard(task, parts.recipe, name, parts.device, command).step(
        next(batches),
        progress=Progress(step=0, steps=steps, batch_size=phase.batch_size, images=len(data)),
    )
    network = sampling_network(task)
    if network is None or not phase.sample_every:
        return
    chosen = sampled_captions(parts, count=1)
    generated = generate_each(
        parts.text,
        sampler_of(parts, network),
        parts.tokenizer,
        chosen.captions[:1],
        seed=parts.recipe.samples.seed,
        extras=chosen.extras,
        device=parts.device,
    )
    next(generated)
