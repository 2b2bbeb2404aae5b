"""Evaluates a run, or a folder of images of any system; `attnforge eval` calls the same functions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attnforge.api import arguments
from attnforge.api.declared import declarations, declarations_of, plugins_with
from attnforge.api.recipes import Values, read_overrides, recipe_text
from attnforge.evaluate.evaluating import evaluate_run
from attnforge.evaluate.folder import evaluate_folder
from attnforge.evaluate.measured import Measurement
from attnforge.evaluate.protocols import resolve_protocol
from attnforge.evaluate.results import Result
from attnforge.evaluate.run_results import evaluate_run_by
from attnforge.evaluate.sources import is_image_folder
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.recipe.library import RecipeText
from attnforge.train.progress import ConsoleReporter, Reporter, SilentReporter

Protocol = str | os.PathLike[str] | Mapping[str, Any]
"""A protocol's name, the path of its file, or a dictionary with its keys."""
DEFAULT_PROTOCOL = "offline"
"""The protocol of a folder of images, which has no recipe."""


def evaluate(
    path: str | os.PathLike[str],
    *,
    protocol: Protocol | None = None,
    metrics: Sequence[str] = (),
    checkpoint: str | None = None,
    overrides: Values = (),
    components: Sequence[type] = (),
    device: str = "auto",
    quiet: bool = False,
) -> Measurement | Result:
    """Evaluate a run by the metrics of its recipe, or a run or a folder of images by a protocol.

    The values are in `.metrics`, everything that they depend on beside them. A run's are also saved in its
    folder, for `attnforge report`. `attnforge.evaluate.evaluating.evaluate_run` measures every checkpoint.

    Args:
        path: A run, a checkpoint, or a folder of images of any system.
        protocol: What is measured instead of the recipe's metrics: a protocol of `attnforge protocols`, the
            path of a file, or a dictionary with its keys; by default `offline` for a folder.
        metrics: Names of the metrics to compute; by default all.
        checkpoint: The name of a checkpoint; by default that of the path, or the newest with a generator.
        overrides: Values by dotted key, or `KEY=VALUE` each, below `evaluation`, `data` or `sampling`.
        components: The classes of the run that `attnforge.component` declared.
        device: Where to generate and measure; `auto` uses a GPU if there is one.
        quiet: Whether to report nothing.

    Raises:
        AttnforgeError: as `attnforge.evaluate.evaluating.evaluate_run`; or there is no such protocol.
    """
    place = arguments.path("path", path, expected="the path of a run, a checkpoint or a folder of images")
    name = arguments.checkpoint(checkpoint)
    chosen = arguments.texts("metrics", metrics, expected="a list of names of metrics")
    reporter = SilentReporter() if quiet else ConsoleReporter()
    plugins = plugins_with([*declarations_of(components), *declarations(overrides), *declarations(protocol)])
    if protocol is not None or is_image_folder(place):
        return evaluate_by(
            place,
            protocol=protocol,
            overrides=overrides,
            metrics=chosen,
            checkpoint=name,
            device=device,
            reporter=reporter,
            plugins=plugins,
        )
    (measurement,) = evaluate_run(
        place,
        overrides=read_overrides(overrides, plugins=plugins),
        checkpoint=name,
        metrics=chosen,
        device=device,
        reporter=reporter,
        plugins=plugins,
    )
    return measurement


def evaluate_by(
    path: Path,
    *,
    protocol: Protocol | None,
    overrides: Values,
    metrics: Sequence[str],
    checkpoint: str | None,
    device: str,
    reporter: Reporter,
    plugins: PluginCatalogue | None = None,
) -> Result:
    """Evaluate a run or a folder of images by a protocol.

    Args:
        path: A run, a checkpoint, or a folder of images.
        protocol: The protocol; None for that of folders.
        overrides: Of a run, below `evaluation`, `data` or `sampling`; of a folder, of the protocol.
        metrics: Names of the metrics to compute; by default all.
        checkpoint: The name of a run's checkpoint.
        device: Where to generate and measure.
        reporter: Where progress is reported.
        plugins: Plugins that provide components; by default the installed ones.

    Raises:
        AttnforgeError: as `evaluate`.
    """
    plugins = plugins or load_plugins()
    changes = read_overrides(overrides, plugins=plugins)
    if isinstance(protocol, Mapping):
        source: str | RecipeText = recipe_text(protocol, name="protocol", plugins=plugins)
    else:
        named = DEFAULT_PROTOCOL if protocol is None else protocol
        arguments.path("protocol", named, expected="a protocol's name, the path of its file, or a dictionary")
        source = os.fspath(named)
    if is_image_folder(path):
        chosen = resolve_protocol(source, overrides=changes, plugins=plugins).only(metrics)
        return evaluate_folder(path, chosen, device=device, reporter=reporter)
    chosen = resolve_protocol(source, plugins=plugins).only(metrics)
    return evaluate_run_by(
        path,
        chosen,
        overrides=changes,
        checkpoint=checkpoint,
        device=device,
        reporter=reporter,
        plugins=plugins,
    )
