"""Measures a generator by the metrics of its recipe."""

from __future__ import annotations

import platform
import time
from importlib.metadata import version

from torch import nn

from attnforge import __version__
from attnforge.build.parts import Parts
from attnforge.evaluate.measure import measure
from attnforge.evaluate.measured import Measurement, protocol_of
from attnforge.recipe import ResolvedRecipe
from attnforge.sampling.generating import generate_batch, sampler_of
from attnforge.storage.checkpoints.checkpoint import Checkpoint


def measure_network(
    parts: Parts,
    network: nn.Module,
    *,
    resolved: ResolvedRecipe,
    phase: str,
    step: int,
    images: int | None,
    name: str,
    checkpoint: Checkpoint | None = None,
) -> Measurement:
    """Measure a generator by the recipe's metrics.

    Args:
        parts: The encoders, the tokenizer and the data.
        network: The generator.
        resolved: The recipe, with the metrics.
        phase: The phase that trained it.
        step: Steps of that phase so far.
        images: Images in the training data, which make an epoch.
        name: The network's name in checkpoints.
        checkpoint: The checkpoint that the weights were loaded from.
    """
    start_time = time.monotonic()
    sampler = sampler_of(parts, network)
    measured = measure(
        parts,
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
    )
    batch_size = parts.recipe.phases[phase].batch_size
    return Measurement(
        phase=phase,
        step=step,
        epoch=round(step * batch_size / images, 3) if images else None,
        metrics=dict(measured.metrics),
        main=measured.main,
        protocol=protocol_of(resolved),
        network=name,
        checkpoint=checkpoint.folder.name if checkpoint else None,
        weights=checkpoint.digest if checkpoint else None,
        recipe={"name": resolved.name, "digest": resolved.digest},
        versions=_versions(),
        device=str(parts.device),
        seconds=round(time.monotonic() - start_time, 3),
    )


def _versions() -> dict[str, str]:
    return {
        "attnforge": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "torchvision", "numpy")},
    }
