"""Measuring the checkpoints of a run, without training it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from torch import nn

from attnforge.build.parts import Parts
from attnforge.errors import DataError, Place, Problem, RecipeError, RunError
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.run.captions import unknown_when_measured
from attnforge.run.exclusive import exclusive
from attnforge.run.folder import RunFolder
from attnforge.run.intact import intact_lock
from attnforge.run.locating import locate_run
from attnforge.run.measured import (
    Measurement,
    protocol_digest,
    protocol_of,
    read_measurements,
    write_measurement,
)
from attnforge.run.measuring import digest_of_weights, measure_network
from attnforge.run.pipeline import Pipeline, generator_checkpoints
from attnforge.run.progress import Reporter
from attnforge.run.saved_parts import sampling_network_name

CHANGEABLE = ("evaluation", "data")
"""Sections that may be overridden: they say how to judge, and on what; all else is in the weights."""


def evaluate_run(
    path: Path,
    *,
    overrides: Sequence[str] = (),
    checkpoint: str | None = None,
    every: bool = False,
    device: str = "auto",
    reporter: Reporter,
) -> list[Measurement]:
    """Measure checkpoints of a run without training it, and write the figures into its folder.

    Args:
        path: The run folder, or one of its checkpoints.
        overrides: `KEY=VALUE` each, below `evaluation` or `data`.
        checkpoint: The name of one checkpoint; the newest with a generator when neither this nor the path
            names one.
        every: Measure all checkpoints that hold a generator. What was measured before with the same
            weights and protocol is taken as it is.
        device: Where to draw and judge; `auto` takes a GPU where there is one.
        reporter: Tells the user.

    Raises:
        RunError: There is no run, or it is in use; it has no such checkpoint, or none with a generator; or no
            metric is named.
        RecipeError: An override is wrong, or changes what the weights were trained with.
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

    def quiet(text: str) -> None:
        """All checkpoints are looked through below, and those that are damaged told once."""

    pipeline = Pipeline.load(
        run.path, device=device, checkpoint=checkpoint, resolved=resolved, warn=quiet if every else warn
    )
    chosen = generator_checkpoints(run, pipeline.recipe, warn=warn) if every else [pipeline.checkpoint]
    phases = list(pipeline.recipe.phases)
    known = {
        (one.name, one.protocol_digest, one.weights): one for one in read_measurements(run, phases=phases)
    }
    digest = protocol_digest(protocol_of(resolved))
    if unknown := unknown_when_measured(pipeline.parts):
        reporter.line(f"warning: {unknown}")
    images = _images(pipeline.parts, phase=pipeline.checkpoint.phase)
    measurements = []
    for one in chosen:
        same = known.get((one.folder.name, digest, digest_of_weights(one)))
        if same is not None:
            reporter.line(f"{one.folder.name} was measured before")
            measurements.append(same)
            continue
        reporter.line(
            f"measuring {one.folder.name} on {pipeline.recipe.evaluation.captions} captions of the test split"
        )
        measurement = measure_network(
            pipeline.parts,
            cast("nn.Module", pipeline.with_checkpoint(one).generator),
            resolved=resolved,
            phase=one.phase,
            step=one.step,
            images=images,
            name=sampling_network_name(one),
            checkpoint=one,
        )
        measurement.recipe["digest"] = original.digest
        write_measurement(run, measurement)
        measurements.append(measurement)
    return measurements


def _images(parts: Parts, *, phase: str) -> int | None:
    try:
        return len(parts.dataset("train", image_size=parts.recipe.phases[phase].image_size))
    except DataError:
        return None  # an imported run can be judged where only the test split is at hand


def _refuse_other_keys(overrides: Sequence[str]) -> None:
    problems = []
    for number, text in enumerate(overrides, start=1):
        key, equals, _ = text.partition("=")
        place = Place("command line", number, 1, text.split("\n")[0][:120], max(1, min(len(key), 120)))
        if equals and key.split(".")[0] not in CHANGEABLE:
            problems.append(
                Problem(
                    "bad-override",
                    f"`{key}` cannot be changed here: the weights were trained with it",
                    place,
                    "a key of `evaluation`, such as `evaluation.captions`, or of `data`",
                    "attnforge train RECIPE KEY=VALUE trains a run with another value",
                )
            )
        elif equals and key == "evaluation.every":
            message = "`evaluation.every` says when training measures; this command does not train"
            expected = "--every-checkpoint, or a key such as `evaluation.captions`"
            problems.append(Problem("bad-override", message, place, expected))
    if problems:
        raise RecipeError(problems)


def _no_metrics(path: Path, resolved: ResolvedRecipe) -> RunError:
    names = ", ".join(resolved.plugins.registry.names("metric"))
    return RunError(
        Problem(
            code="no-metrics",
            message=f"the recipe of run {path} names no metric, so there is nothing to measure",
            expected=f"`evaluation.metrics` with at least one of {names}",
            next_step=f'attnforge eval {path} "evaluation.metrics={{retrieval: r-precision}}"',
        )
    )
