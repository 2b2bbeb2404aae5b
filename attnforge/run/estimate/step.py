"""Estimates one training step of a phase by making some on the device `meta`."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from torch import Tensor, nn

from attnforge.build.builder import class_of
from attnforge.build.parts import Parts
from attnforge.interfaces import Batch, Progress, Task
from attnforge.optional import Varies
from attnforge.recipe.schema import Phase, Recipe
from attnforge.run.estimate.flop import FlopCount
from attnforge.run.estimate.live_bytes import LiveBytes
from attnforge.run.meta import all_selected, meta_batch, meta_parts
from attnforge.run.tasks import build_task
from attnforge.storage.checkpoints.finite import tensors_in

STEPS = 48
"""Steps among which those that differ are found; a multiple of usual intervals."""


@dataclass(frozen=True, slots=True)
class NetworkSize:
    """The size of one network."""

    name: str
    parameters: int
    trained: int
    """Parameters that an optimizer of the phase updates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEstimate:
    """What a step of a phase needs, in bytes of tensors and in floating point operations."""

    phase: str
    batch_size: int
    image_size: int
    """Side in pixels of the largest images."""
    networks: tuple[NetworkSize, ...]
    weights: int
    """Bytes of weights and buffers, with those of an average of weights."""
    gradients: int
    optimizer_state: int
    batch: int
    activations: int
    """The rest of the peak: activations kept for the backward pass, and temporary tensors."""
    flop: int
    """Floating point operations, as the mean over steps; a multiplication and an addition count as two."""

    @property
    def peak(self) -> int:
        """Bytes of all tensors at the moment of the step with the most."""
        return self.weights + self.gradients + self.optimizer_state + self.batch + self.activations

    @property
    def flop_per_image(self) -> float:
        return self.flop / self.batch_size


def estimate_step(recipe: Recipe, name: str, *, batch_size: int | None = None) -> StepEstimate:
    """Estimate a step of a phase; nothing is computed, and no data is read unless it defines extras.

    Steps after the first are measured, because that creates the states of the optimizers: one of each kind
    where losses have terms in some steps only, such as a penalty in every fourth. Memory is that of the
    largest.

    Args:
        recipe: The assembled recipe.
        name: The phase.
        batch_size: Images per step; by default the recipe's.

    Raises:
        NotImplementedError: the step depends on values of tensors.
        DataError: the data defines extras, and is missing or malformed.
    """
    phase = recipe.phases[name]
    if batch_size is not None:
        phase = replace(phase, batch_size=batch_size)
    gc.collect()
    with all_selected(), LiveBytes() as live:
        parts = meta_parts(recipe)
        task = build_task(parts, phase, name=name)
        batch = meta_batch(parts, phase)
        _step(task, phase, batch, number=0)
        gc.collect()
        live.reset_peak()
        flop = 0.0
        for number, share in _kinds_of_steps(parts, phase):
            with FlopCount() as counted:
                _step(task, phase, batch, number=number)
            flop += share * counted.total
        weights = _bytes(_weights(parts, task))
        gradients = _bytes(_gradients(task))
        state = _bytes(
            tensor
            for optimizer in task.optimizers().values()
            for _, tensor in tensors_in(dict(optimizer.state), "")
        )
        batch_bytes = _bytes(value for value in _fields(batch) if isinstance(value, Tensor))
        rest = live.peak - weights - gradients - state - batch_bytes
    return StepEstimate(
        phase=name,
        batch_size=phase.batch_size,
        image_size=phase.image_size or parts.image_size,
        networks=tuple(_sizes(task)),
        weights=weights,
        gradients=gradients,
        optimizer_state=state,
        batch=batch_bytes,
        activations=max(0, rest),
        flop=round(flop),
    )


def _step(task: Task, phase: Phase, batch: Batch, *, number: int) -> None:
    task.step(batch, progress=_progress(phase, number))


def _progress(phase: Phase, number: int) -> Progress:
    return Progress(step=number, steps=STEPS, batch_size=phase.batch_size, images=STEPS * phase.batch_size)


def _kinds_of_steps(parts: Parts, phase: Phase) -> list[tuple[int, float]]:
    """The first step of each kind that losses distinguish, and the share of all steps that are of it."""
    # other tasks build no losses, whose specs would have discriminators built
    losses = parts.losses.values() if "losses" in class_of(phase.task).needs else ()
    varying = [loss for loss in losses if isinstance(loss, Varies)]
    kinds = [tuple(loss.variant(_progress(phase, number)) for loss in varying) for number in range(STEPS)]
    return [(kinds.index(kind), count / STEPS) for kind, count in Counter(kinds).items()]


def _weights(parts: Parts, task: Task) -> Iterator[Tensor]:
    """Weights and buffers of the phase, and of the parts that were built for it but are not saved."""
    modules: list[object] = [*task.networks().values(), parts.text, parts.generator]
    for module in modules:
        if isinstance(module, nn.Module):
            yield from module.parameters()
            yield from module.buffers()


def _gradients(task: Task) -> Iterator[Tensor]:
    for network in task.networks().values():
        yield from (weight.grad for weight in network.parameters() if weight.grad is not None)


def _sizes(task: Task) -> Iterator[NetworkSize]:
    groups = (group for optimizer in task.optimizers().values() for group in optimizer.param_groups)
    trained = {id(weight) for group in groups for weight in group["params"]}
    for name, network in task.networks().items():
        weights = list(network.parameters())
        counts = (sum(weight.numel() for weight in weights if id(weight) in trained),)
        yield NetworkSize(name, sum(weight.numel() for weight in weights), *counts)


def _fields(batch: Batch) -> Iterator[object]:
    for name in ("image", "levels", "tokens", "lengths", "class_ids"):
        yield getattr(batch, name)
    yield from batch.extras.values()


def _bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the storages of tensors, each counted once."""
    storages = {storage._cdata: storage.nbytes() for storage in (it.untyped_storage() for it in tensors)}
    return sum(storages.values())
