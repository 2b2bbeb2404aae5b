"""Builds the task of a phase and its batches for a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from torch import nn

from attnforge.build.builder import class_of
from attnforge.build.parts import Parts
from attnforge.compute.collectives import rank, world_size
from attnforge.data.feeding.loader import batches
from attnforge.data.feeding.sample_loader import SkippedImage
from attnforge.errors import PluginError, Problem, RecipeError
from attnforge.interfaces import Batch, Dataset, Task
from attnforge.names import RULE, is_safe
from attnforge.recipe.schema import Phase, Recipe


def needs_full_length(parts: Parts, phase: Phase) -> bool:
    """Whether all batches of a phase need one shape: for CUDA graphs, or to exchange rows with others."""
    if world_size() > 1:
        return True
    cuda_graphs = parts.engine is not None and parts.engine.cuda_graphs
    return cuda_graphs and "generator" in class_of(phase.task).needs


def sampling_network(task: Task) -> nn.Module | None:
    """The network of a task that generates images; None for a task that trains no generator."""
    return None if task.sampling_network is None else task.networks()[task.sampling_network]


def build_task(parts: Parts, phase: Phase, *, name: str) -> Task:
    """Build the task of a phase.

    Raises:
        PluginError: the name of one of its networks is not safe as a file name.
        RecipeError: it takes one caption of an image, and the phase several; or a batch cannot have the
            groups of images that the phase asks for.
    """
    if phase.captions > 1 and not getattr(class_of(phase.task), "averages_captions", False):
        message = f"phase {name} takes {phase.captions} captions of an image, and its task only one"
        expected = f"phases.{name}.captions=1, or a task that averages captions, such as `gan`"
        raise RecipeError(Problem("one-caption-task", message, expected=expected))
    if phase.images_per_caption > 1:
        _refuse_groups(phase, name)
    task = parts.task(name, phase.task)
    unsafe = [network for network in task.networks() if not is_safe(network)]
    if unsafe:
        raise PluginError(
            Problem(
                code="unsafe-name",
                message=f"the task of phase {name} has a network named {unsafe[0]!r}, which would become a "
                "file name",
                expected=RULE,
            )
        )
    return task


def _refuse_groups(phase: Phase, name: str) -> None:
    """Refuse groups of images of one caption that a batch cannot have."""
    share, groups = phase.batch_size // world_size(), phase.images_per_caption
    obstacle, expected = None, ""
    if share % groups:
        obstacle = f"a batch of {share} images a process cannot be divided into them"
        expected = f"a `batch_size` that is a multiple of {groups * world_size()}"
    elif phase.captions > 1:
        obstacle = f"each image has {phase.captions} captions in a step"
        expected = "one of `captions` and `images_per_caption`"
    elif getattr(class_of(phase.task), "distinct_classes", False):
        obstacle = "its task wants images of different classes"
        expected = f"phases.{name}.images_per_caption=1"
    if obstacle is not None:
        message = f"phase {name} asks for groups of {groups} images of a caption, but {obstacle}"
        raise RecipeError(Problem("caption-groups", message, expected=expected))


def steps_of(phase: Phase, *, images: int) -> int:
    """The number of steps of a phase on a data set of `images` images."""
    return phase.steps or max(1, (phase.epochs or 1) * images // phase.batch_size)


def excess_workers(workers: int) -> str | None:
    """A warning of more loader processes than there are cores for them; None when there are enough."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers <= max(1, cores):
        return None
    return (
        f"`training.workers` is {workers}, but this machine lets the process use {cores} "
        f"core{'' if cores == 1 else 's'}: more workers than cores load no faster and need memory"
    )


def refuse_indivisible(recipe: Recipe, world_size: int) -> None:
    """Refuse phases that cannot be computed in equal shares, and tasks that cannot be shared at all.

    Raises:
        RecipeError: processes or micro-batches do not divide a batch, or a task trains in one process only.
    """
    problems = []
    for name, phase in recipe.phases.items():
        share, rest = divmod(phase.batch_size, world_size)
        if rest:
            message = (
                f"phase {name} has a `batch_size` of {phase.batch_size}, which {world_size} processes cannot "
                "share equally"
            )
            expected = f"a multiple of {world_size}, the images of all processes together"
            next_step = f"attnforge train RECIPE phases.{name}.batch_size={world_size * max(1, share)}"
            problems.append(Problem("indivisible-batch", message, None, expected, next_step))
            continue
        size = recipe.training.micro_batch_size
        if size and size < share and share % size:
            message = (
                f"phase {name} has {share} images a process, which `training.micro_batch_size` {size} does "
                "not divide"
            )
            expected = f"a divisor of {share}"
            next_step = "attnforge train RECIPE training.micro_batch_size=N"
            problems.append(Problem("indivisible-batch", message, None, expected, next_step))
        if world_size > 1 and not getattr(class_of(phase.task), "distributed", False):
            message = (
                f"the task of phase {name} trains in one process only: it does not declare `distributed`"
            )
            expected = "one process, or a task whose steps average gradients, such as `gan` and `damsm`"
            problems.append(Problem("one-process-task", message, None, expected, "attnforge train RECIPE"))
    if problems:
        raise RecipeError(problems)


def phase_batches(
    parts: Parts,
    phase: Phase,
    data: Dataset,
    start: int,
    *,
    steps: int,
    workers: int | None = None,
    on_skip: Callable[[SkippedImage], None] = lambda _: None,
) -> Iterator[Batch]:
    """The batches of a phase, on the device of its parts.

    Args:
        parts: The recipe's parts.
        phase: The phase.
        data: Its images with their captions.
        start: Steps already done.
        steps: Steps of the whole phase.
        workers: Loader processes; by default the recipe's number.
        on_skip: Called for every image that is skipped because it cannot be read.
    """
    training = parts.recipe.training
    return batches(
        data,
        parts.tokenizer,
        batch_size=phase.batch_size,
        seed=training.seed,
        start_step=start,
        steps=steps,
        max_words=phase.max_words,
        truncate=phase.truncate,
        order=phase.order,
        captions=phase.captions,
        images_per_caption=phase.images_per_caption,
        class_balance=phase.class_balance,
        distinct_classes=getattr(class_of(phase.task), "distinct_classes", False),
        workers=training.workers if workers is None else workers,
        full_length=needs_full_length(parts, phase),
        device=parts.device,
        rank=rank(),
        world_size=world_size(),
        on_bad_image=training.on_bad_image,
        on_skip=on_skip,
    )
