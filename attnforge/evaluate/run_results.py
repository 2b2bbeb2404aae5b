"""The results of a run by a protocol."""

from __future__ import annotations

from pathlib import Path

from attnforge.evaluate.conditions import expected_images
from attnforge.evaluate.evaluating import evaluate_run
from attnforge.evaluate.measured import Measurement
from attnforge.evaluate.protocols import ResolvedProtocol
from attnforge.evaluate.results import Result
from attnforge.plugin import PluginCatalogue
from attnforge.recipe.override import Overrides
from attnforge.storage.locating import locate_run
from attnforge.train.progress import Reporter


def evaluate_run_by(
    path: Path,
    protocol: ResolvedProtocol,
    *,
    overrides: Overrides = (),
    checkpoint: str | None = None,
    device: str = "auto",
    reporter: Reporter,
    plugins: PluginCatalogue | None = None,
) -> Result:
    """Measure a run by a protocol; its measurement is also saved in the run.

    Args:
        path: The run folder, or one of its checkpoints.
        protocol: What is measured in place of the recipe's `evaluation`.
        overrides: `KEY=VALUE` each, below `evaluation`, `data` or `sampling`.
        checkpoint: The name of a checkpoint; by default that of the path, or the newest with a generator.
        device: Where to generate and measure; `auto` uses a GPU if there is one.
        reporter: Where progress and warnings are reported.
        plugins: Plugins that provide components; by default the installed ones.

    Raises:
        AttnforgeError: as `evaluate_run`; or the protocol is of another data set.
    """
    (measurement,) = evaluate_run(
        path,
        overrides=overrides,
        checkpoint=checkpoint,
        protocol=protocol,
        device=device,
        reporter=reporter,
        plugins=plugins,
    )
    system = path if checkpoint is None else locate_run(path).run.checkpoints / checkpoint
    return _result(system, protocol, measurement, reporter=reporter)


def _result(
    system: Path, protocol: ResolvedProtocol, measurement: Measurement, *, reporter: Reporter
) -> Result:
    evaluation = {key: value for key, value in measurement.protocol.items() if key not in ("split", "data")}
    options = protocol.live
    unlike = expected_images(options, measurement.details)
    if measurement.network == "generator":
        unlike.append("weights without an average (EMA), since the run has none")
    for text in unlike:
        reporter.warning(text)
    return Result(
        system=str(system),
        protocol=protocol.name,
        metrics=measurement.metrics,
        main=measurement.main,
        better=measurement.better,
        conditions=measurement.details,
        evaluation=evaluation,
        deviations=[*options.deviations, *unlike],
        weights={
            "network": measurement.network,
            "checkpoint": measurement.checkpoint,
            "digest": measurement.weights,
            "recipe": measurement.recipe,
            "sampling": measurement.sampling,
        },
        versions=measurement.versions,
        device=measurement.device,
        seconds=measurement.seconds,
        per_image=measurement.per_image,
    )
