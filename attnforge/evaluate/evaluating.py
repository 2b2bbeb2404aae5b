"""Measures the checkpoints of a run without training it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from torch import nn

from attnforge.build.parts import Parts
from attnforge.compute.allocation import keep_freed_memory
from attnforge.compute.collectives import rank
from attnforge.compute.processes import barrier
from attnforge.errors import DataError, Problem, RecipeError, RunError
from attnforge.evaluate.cache import digest_of
from attnforge.evaluate.measure import Metrics, unknown_evaluation_words
from attnforge.evaluate.measured import (
    Measurement,
    protocol_digest,
    protocol_of,
    read_measurements,
    write_measurement,
)
from attnforge.evaluate.measuring import measure_network
from attnforge.evaluate.protocols import ResolvedProtocol, unknown_metric
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.recipe.override import Overrides, keys_of, refuse_trained_keys
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
    overrides: Overrides = (),
    checkpoint: str | None = None,
    every: bool = False,
    metrics: Sequence[str] = (),
    protocol: ResolvedProtocol | None = None,
    device: str = "auto",
    reporter: Reporter,
    plugins: PluginCatalogue | None = None,
) -> list[Measurement]:
    """Measure checkpoints of a run without training it, and save the metrics in its folder.

    Processes that have joined share the images; the first of them saves the metrics.

    Args:
        path: The run folder, or one of its checkpoints.
        overrides: `KEY=VALUE` each, below `evaluation`, `data` or `sampling`.
        checkpoint: The name of a checkpoint; by default that of the path, or the newest with a generator.
        every: Measure all checkpoints that hold a generator. Measurements of the same weights and protocol
            are reused.
        metrics: Names of the metrics to compute; by default all of the recipe.
        protocol: What is measured in place of the recipe's `evaluation`.
        device: Where to generate and measure; `auto` uses a GPU if there is one.
        reporter: Where progress is reported.
        plugins: Plugins that provide components; by default the installed ones.

    Raises:
        RunError: The run is missing or in use; it has no such checkpoint, or none with a generator; or the
            recipe has no metric.
        RecipeError: An override is invalid, or changes what the weights were trained with.
        DataError: The test split is missing or malformed.
    """
    location = locate_run(path)
    _refuse_other_keys(overrides)
    with ExitStack() as entered:
        if rank() == 0:
            entered.enter_context(exclusive(location.run.path, purpose="measuring", warn=reporter.warning))
        barrier()
        return _evaluate(
            location.run,
            overrides=overrides,
            checkpoint=location.checkpoint if checkpoint is None else checkpoint,
            every=every,
            metrics=metrics,
            protocol=protocol,
            device=device,
            reporter=reporter,
            plugins=plugins or load_plugins(),
        )


def _evaluate(
    run: RunFolder,
    *,
    overrides: Overrides,
    checkpoint: str | None,
    every: bool,
    metrics: Sequence[str],
    protocol: ResolvedProtocol | None,
    device: str,
    reporter: Reporter,
    plugins: PluginCatalogue,
) -> list[Measurement]:
    lock = intact_lock(run, warn=reporter.warning)
    original = resolve(lock, plugins=plugins)
    changes = [*(protocol.overrides(original) if protocol is not None else ()), *overrides]
    resolved = resolve(lock, overrides=changes, plugins=plugins)
    if metrics:
        resolved = resolve(lock, overrides=[*changes, _only(metrics, resolved)], plugins=plugins)
    if not resolved.data()["evaluation"]["metrics"]:
        raise _no_metrics(run.path, resolved)

    def warn(text: str) -> None:
        reporter.warning(text)
        if rank() == 0:
            run.log_event("warning", message=text)

    def ignore(text: str) -> None:
        """With `every`, damaged checkpoints are reported once, by the search of all checkpoints."""

    pipeline = Pipeline.load(
        run.path, device=device, checkpoint=checkpoint, resolved=resolved, warn=ignore if every else warn
    )
    keep_freed_memory(pipeline.parts.device)
    checkpoints = generator_checkpoints(run, pipeline.recipe, warn=warn) if every else [pipeline.checkpoint]
    phases = list(pipeline.recipe.phases)
    known = {
        _identity(measurement.name, measurement.protocol_digest, measurement.weights, measurement.sampling): (
            measurement
        )
        for measurement in read_measurements(run, phases=phases)
    }
    digest = protocol_digest(protocol_of(resolved))
    if unknown := unknown_evaluation_words(pipeline.parts):
        reporter.line(f"warning: {unknown}")
    captions = pipeline.recipe.evaluation.captions
    built = Metrics(pipeline.parts, report=reporter.line)
    images = _training_images(pipeline.parts, phase=pipeline.checkpoint.phase)
    measurements = []
    count = captions * pipeline.recipe.evaluation.per_caption

    def progress(done: int) -> None:
        if done < count:
            reporter.line(f"{done:,} of {count:,} images")

    for saved in checkpoints:
        name = saved.folder.name
        same = known.get(_identity(name, digest, saved.digest, resolved.data()["sampling"]))
        # the values of single images, which a protocol's results have, are not saved with measurements
        if same is not None and protocol is None:
            reporter.line(f"{name}: already measured")
            measurements.append(same)
            continue
        reporter.line(f"measuring {name} on {captions} captions of the test split")
        measurement = measure_network(
            built,
            cast("nn.Module", pipeline.with_checkpoint(saved).generator),
            resolved=resolved,
            phase=saved.phase,
            step=saved.step,
            images=images,
            name=saved.sampling_network,
            checkpoint=saved,
            progress=progress,
        )
        measurement.recipe["digest"] = original.digest
        if rank() == 0:
            write_measurement(run, measurement)
        measurements.append(measurement)
    return measurements


def _only(metrics: Sequence[str], resolved: ResolvedRecipe) -> str:
    """The override that keeps some metrics alone."""
    known = list(resolved.data()["evaluation"]["metrics"])
    if unknown := [name for name in metrics if name not in known]:
        raise RecipeError(unknown_metric(unknown[0], known, of=f"recipe {resolved.name}"))
    others = ", ".join(f"{name}: null" for name in known if name not in metrics)
    return f"evaluation.metrics={{{others}}}"


def _identity(name: str, protocol: str, weights: str | None, sampling: object) -> str:
    """A text that is the same for measurements of which one suffices."""
    return digest_of([name, protocol, weights, sampling])


def _training_images(parts: Parts, *, phase: str) -> int | None:
    try:
        return len(parts.dataset("train", image_size=parts.recipe.phases[phase].image_size))
    except DataError:
        return None  # an imported run can be measured with the test split alone


def _refuse_other_keys(overrides: Overrides) -> None:
    expected = "a key of `evaluation`, such as `evaluation.captions`, of `data` or of `sampling`"
    refuse_trained_keys(overrides, sections=CHANGEABLE, expected=expected)
    for key, place in keys_of(overrides):
        if key == "evaluation.every":
            message = "`evaluation.every` applies to training; this command does not train"
            expected = "--every-checkpoint, or a key such as `evaluation.captions`"
            raise RecipeError(Problem("bad-override", message, place, expected))


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
