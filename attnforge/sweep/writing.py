"""Writes the results of a sweep: results.json, results.csv, results.md, figure.svg."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from attnforge.evaluate.headlines import headlines, is_share, title
from attnforge.evaluate.measured import Measurement, protocol_digest, protocol_of
from attnforge.sweep.plan import Plan
from attnforge.sweep.plot import Line, Panel, render_panels
from attnforge.sweep.results import RunResults, portable_protocol, read_results
from attnforge.sweep.state import write_file
from attnforge.sweep.table import table

FILES = ("results.json", "results.csv", "results.md", "figure.svg")


def write_results(plan: Plan) -> list[Path]:
    """Rewrite every file of results, and return their paths.

    Raises:
        RunError: The sweep's folder cannot be written.
    """
    results = read_results(plan)
    texts = (_json(plan, results), _csv(results), table(plan, results), figure(plan, results))
    paths = [plan.out / name for name in FILES]
    for path, text in zip(paths, texts, strict=True):
        write_file(path, text)
    return paths


def figure(plan: Plan, results: list[RunResults]) -> str:
    """The plot of every headline metric over training, as in Figure 3 of the paper.

    There is one line for each configuration: the mean over its seeds, at the steps that all of them have,
    with a bar from the lowest to the highest.
    """
    measurements = _measurements(results)
    names = list(dict.fromkeys(name for item in measurements for name in headlines(item.metrics)))
    epochs = all(measurement.epoch is not None for measurement in measurements)
    panels = []
    for name in names:
        share = any(is_share(name, measurement.metrics) for measurement in measurements)
        lines = [
            _line(configuration, runs, name, factor=100 if share else 1, epochs=epochs)
            for configuration, runs in _by_configuration(results).items()
        ]
        heading = title(name, names)
        panels.append(Panel(f"{heading} (%)" if share else heading, tuple(lines)))
    return render_panels(panels, x="epoch" if epochs else "step", title=plan.summary or plan.name)


def _by_configuration(results: list[RunResults]) -> dict[str, list[RunResults]]:
    grouped: dict[str, list[RunResults]] = {}
    for result in results:
        grouped.setdefault(result.run.configuration, []).append(result)
    return grouped


def _line(label: str, runs: list[RunResults], name: str, *, factor: int, epochs: bool) -> Line:
    values: dict[float, list[float]] = {}
    for measurement in _measurements(runs):
        value = measurement.metrics.get(name, math.nan)
        if math.isfinite(value):
            x = measurement.epoch if epochs and measurement.epoch is not None else measurement.step
            values.setdefault(float(x), []).append(factor * value)
    whole = [(x, each) for x, each in sorted(values.items()) if len(each) == len(runs)]
    bars = tuple((min(each), max(each)) for _, each in whole) if len(runs) > 1 else ()
    return Line(label, tuple((x, fmean(each)) for x, each in whole), bars)


def _json(plan: Plan, results: list[RunResults]) -> str:
    protocols: dict[str, Any] = {}
    runs = []
    for result in results:
        protocol = portable_protocol(plan, protocol_of(result.run.resolved))
        digest = protocol_digest(protocol)
        protocols[digest] = protocol
        runs.append(
            {
                "configuration": result.run.configuration,
                "seed": result.run.seed,
                "of": result.of,
                "folder": result.run.folder.name,
                "recipe": result.run.resolved.name,
                "digest": result.run.digest,
                "settings": result.run.settings,
                "finished": result.finished,
                "parameters": result.run.parameters,
                "steps": result.costs.steps,
                "minutes": round(result.costs.minutes, 3),
                "protocol": digest,
                "measurements": [
                    {
                        "phase": measurement.phase,
                        "step": measurement.step,
                        "epoch": measurement.epoch,
                        "metrics": _plain(measurement.metrics),
                    }
                    for measurement in result.measurements
                ],
            }
        )
    data = {"sweep": plan.name, "summary": plan.summary, "runs": runs, "protocols": protocols}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _plain(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics for JSON, with null for values that are not finite."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in metrics.items()
    }


def _csv(results: list[RunResults]) -> str:
    measurements = _measurements(results)
    names = list(dict.fromkeys(name for measurement in measurements for name in measurement.metrics))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["configuration", "seed", "folder", "phase", "step", "epoch", *names])
    for result in results:
        seed = "" if result.run.seed is None else result.run.seed
        run = (result.run.configuration, seed, result.run.folder.name)
        for measurement in result.measurements:
            metrics = [measurement.metrics.get(name, "") for name in names]
            epoch = "" if measurement.epoch is None else measurement.epoch
            writer.writerow([*run, measurement.phase, measurement.step, epoch, *metrics])
    return stream.getvalue()


def _measurements(results: list[RunResults]) -> list[Measurement]:
    return [measurement for result in results for measurement in result.measurements]
