"""Measures a generator by the metrics of its recipe."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from torch import nn

from attnforge import __version__
from attnforge.evaluate.cache import digest_of
from attnforge.evaluate.conditions import conditions_of
from attnforge.evaluate.measure import MeasuredValues, Metrics, measure
from attnforge.evaluate.measured import Measurement, images_protocol, protocol_of
from attnforge.recipe import ResolvedRecipe
from attnforge.sampling.generating import generate_batch, sampler_of
from attnforge.storage.checkpoints.checkpoint import Checkpoint


def measure_network(
    metrics: Metrics,
    network: nn.Module,
    *,
    resolved: ResolvedRecipe,
    phase: str,
    step: int,
    images: int | None,
    name: str,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Measurement:
    """Measure a generator by the recipe's metrics.

    Args:
        metrics: The recipe's metrics.
        network: The generator.
        resolved: The recipe, with the metrics.
        phase: The phase that trained it.
        step: Steps of that phase so far.
        images: Images in the training data, which make an epoch.
        name: The network's name in checkpoints.
        checkpoint: The checkpoint that the weights were loaded from; with it, rows are kept on disk.
        progress: Called with the number of images that are done.
    """
    start_time = time.monotonic()
    parts = metrics.parts
    sampler = sampler_of(parts, network)
    weights = None
    if checkpoint is not None:
        weights = digest_of([checkpoint.digest, name, images_protocol(resolved), versions()])
    measured = measure(
        metrics,
        lambda captions, positions, extras: generate_batch(
            parts.text,
            sampler,
            parts.measuring_tokenizer,
            captions,
            positions=positions,
            extras=extras,
            seed=parts.recipe.evaluation.seed,
            device=parts.device,
        ),
        weights=weights,
        progress=progress,
    )
    batch_size = parts.recipe.phases[phase].batch_size
    return Measurement(
        phase=phase,
        step=step,
        epoch=round(step * batch_size / images, 3) if images else None,
        metrics=dict(measured.metrics),
        main=measured.main,
        better=measured.better,
        per_image=measured.per_image,
        details=_conditions(metrics, measured, protocol_of(resolved)),
        protocol=protocol_of(resolved),
        network=name,
        sampling=resolved.data()["sampling"],
        checkpoint=checkpoint.folder.name if checkpoint else None,
        weights=checkpoint.digest if checkpoint else None,
        recipe={"name": resolved.name, "digest": resolved.digest},
        versions=versions(),
        device=str(parts.device),
        seconds=round(time.monotonic() - start_time, 3),
    )


def _conditions(metrics: Metrics, measured: MeasuredValues, protocol: Mapping[str, Any]) -> dict[str, Any]:
    """What must agree for values to be comparable; nothing where nothing was measured."""
    if not metrics.built:
        return {}
    side = metrics.parts.image_size
    return conditions_of(
        protocol, count=measured.details["images"], size=(side, side), details=measured.details
    )


def versions() -> dict[str, str]:
    """The versions of everything that computes values."""
    return {
        "attnforge": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "torchvision", "numpy")},
    }
