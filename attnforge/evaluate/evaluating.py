"""Measures the checkpoints of a run without training it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from torch import nn

from attnforge.build.parts import Parts
from attnforge.errors import DataError, Problem, RecipeError, RunError
from attnforge.evaluate.measure import unknown_evaluation_words
from attnforge.evaluate.measured import (
    Measurement,
    protocol_digest,
    protocol_of,
    read_measurements,
    write_measurement,
)
from attnforge.evaluate.measuring import measure_network
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.recipe.override import place_of, refuse_trained_keys
from attnforge.sampling.pipeline import Pipeline, generator_checkpoints
from attnforge.storage.exclusive import exclusive
from attnforge.storage.folder import RunFolder
from attnforge.storage.intact import intact_lock
from attnforge.storage.locating import locate_run
from attnforge.train.progress import Reporter

CHANGEABLE = ("evaluation", "data", "sampling")
"""Sections that may be overridden, because the weights do not depend on them."""


def evaluate_run(
    path: Path,
    *,
    overrides: Sequence[str] = (),
    checkpoint: str | None = None,
    every: bool = False,
    device: str = "auto",
    reporter: Reporter,
) -> list[Measurement]:
    """Measure checkpoints of a run without training it, and save the metrics in its folder.

    Args:
        path: The run folder, or one of its checkpoints.
        overrides: `KEY=VALUE` each, below `evaluation`, `data` or `sampling`.
        checkpoint: The name of a checkpoint; by default that of the path, or the newest with a generator.
        every: Measure all checkpoints that hold a generator. Measurements of the same weights and protocol
            are reused.
        device: Where to generate and measure; `auto` uses a GPU if there is one.
        reporter: Where progress is reported.

    Raises:
        RunError: The run is missing or in use; it has no such checkpoint, or none with a generator; or the
            recipe has no metric.
        RecipeError: An override is invalid, or changes what the weights were trained with.
        DataError: The test split is missing or malformed.
    """
    location = locate_run(path)
    _refuse_other_keys(overrides)
    with exclusive(location.run.path, purpose="measuring", warn=reporter.warning):
        return _evaluate(
            location.run,
            overrides=overrides,
            checkpoint=checkpoint or location.checkpoint,
            every=every,
            device=device,
            reporter=reporter,
        )


def _evaluate(
    run: RunFolder,
    *,
    overrides: Sequence[str],
    checkpoint: str | None,
    every: bool,
    device: str,
    reporter: Reporter,
) -> list[Measurement]:
    lock = intact_lock(run, warn=reporter.warning)
    original = resolve(lock)
    resolved = resolve(lock, overrides=overrides)
    if not resolved.data()["evaluation"]["metrics"]:
        raise _no_metrics(run.path, resolved)

    def warn(text: str) -> None:
        reporter.warning(text)
        run.log_event("warning", message=text)

    def ignore(text: str) -> None:
        """With `every`, damaged checkpoints are reported once, by the search of all checkpoints."""

    pipeline = Pipeline.load(
        run.path, device=device, checkpoint=checkpoint, resolved=resolved, warn=ignore if every else warn
    )
    checkpoints = generator_checkpoints(run, pipeline.recipe, warn=warn) if every else [pipeline.checkpoint]
    phases = list(pipeline.recipe.phases)
    known = {
        (measurement.name, measurement.protocol_digest, measurement.weights): measurement
        for measurement in read_measurements(run, phases=phases)
    }
    digest = protocol_digest(protocol_of(resolved))
    if unknown := unknown_evaluation_words(pipeline.parts):
        reporter.line(f"warning: {unknown}")
    captions = pipeline.recipe.evaluation.captions
    images = _training_images(pipeline.parts, phase=pipeline.checkpoint.phase)
    measurements = []
    for saved in checkpoints:
        name = saved.folder.name
        same = known.get((name, digest, saved.digest))
        if same is not None:
            reporter.line(f"{name}: already measured")
            measurements.append(same)
            continue
        reporter.line(f"measuring {name} on {captions} captions of the test split")
        measurement = measure_network(
            pipeline.parts,
            cast("nn.Module", pipeline.with_checkpoint(saved).generator),
            resolved=resolved,
            phase=saved.phase,
            step=saved.step,
            images=images,
            name=saved.sampling_network,
            checkpoint=saved,
        )
        measurement.recipe["digest"] = original.digest
        write_measurement(run, measurement)
        measurements.append(measurement)
    return measurements


def _training_images(parts: Parts, *, phase: str) -> int | None:
    try:
        return len(parts.dataset("train", image_size=parts.recipe.phases[phase].image_size))
    except DataError:
        return None  # an imported run can be measured with the test split alone


def _refuse_other_keys(overrides: Sequence[str]) -> None:
    expected = "a key of `evaluation`, such as `evaluation.captions`, of `data` or of `sampling`"
    refuse_trained_keys(overrides, sections=CHANGEABLE, expected=expected)
    for number, text in enumerate(overrides, start=1):
        if text.startswith("evaluation.every="):
            message = "`evaluation.every` applies to training; this command does not train"
            expected = "--every-checkpoint, or a key such as `evaluation.captions`"
            raise RecipeError(Problem("bad-override", message, place_of(text, number), expected))


def _no_metrics(path: Path, resolved: ResolvedRecipe) -> RunError:
    names = ", ".join(resolved.plugins.registry.names("metric"))
    return RunError(
        Problem(
            code="no-metrics",
            message=f"the recipe of run {path} has no metrics, so there is nothing to measure",
            expected=f"`evaluation.metrics` with at least one of {names}",
            next_step=f'attnforge eval {path} "evaluation.metrics={{retrieval: r-precision}}"',
        )
    )
