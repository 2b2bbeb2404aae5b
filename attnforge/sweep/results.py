"""The measurements of a sweep's runs, from their folders."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from attnforge.evaluate.headlines import headlines, matching
from attnforge.evaluate.measured import Measurement, protocol_of, read_measurements
from attnforge.recipe import resolve
from attnforge.recipe.node import plain
from attnforge.storage.folder import RunFolder
from attnforge.sweep.budget import Costs, costs_of
from attnforge.sweep.plan import Plan, PlannedMeasurement, PlannedRun
from attnforge.sweep.state import SweepState


@dataclass(frozen=True, slots=True)
class RunResults:
    """The measurements of one run with the protocol of its recipe, in the order of training."""

    run: PlannedRun
    finished: bool
    measurements: tuple[Measurement, ...]
    costs: Costs
    of: str | None = None
    """The configuration that trained the run, where it is only measured again."""

    def selected(self, highest: str | None) -> Measurement | None:
        """The one that the table shows: the highest in a metric, or the last; None if there is none."""
        if not self.measurements:
            return None
        last = self.measurements[-1]
        if highest is None:
            return last
        scored = []
        for measurement in self.measurements:
            name = matching(headlines(measurement.metrics), highest)
            if name is not None and math.isfinite(measurement.metrics[name]):
                scored.append((float(measurement.metrics[name]), measurement))
        # of equal ones the earliest
        return max(scored, key=lambda pair: pair[0])[1] if scored else last


def read_results(plan: Plan) -> list[RunResults]:
    """The measurements of a sweep's runs so far, in the order of the table."""
    state = SweepState(plan.out)
    results = [_results(plan, run, finished=state.finished(run.folder.name, run.digest)) for run in plan.runs]
    for measurement in plan.measurements:
        of, runs = runs_to_measure(plan, measurement, results)
        for run in runs:
            result = _results(plan, run, finished=True)
            results.append(replace(result, finished=bool(result.measurements), of=of))
    return sorted(results, key=lambda result: plan.configurations.index(result.run.configuration))


def runs_to_measure(
    plan: Plan, measurement: PlannedMeasurement, results: Sequence[RunResults]
) -> tuple[str | None, list[PlannedRun]]:
    """The configuration to measure again, and its finished runs with the recipes to measure them with.

    Args:
        plan: The sweep's plan.
        measurement: What to measure.
        results: The results of the runs that train.
    """
    of = measurement.of or _best(plan, measurement.of_highest, results)
    overrides = overrides_of(plan, measurement)
    runs = [
        replace(
            result.run,
            label=result.run.label.replace(result.run.configuration, measurement.configuration, 1),
            configuration=measurement.configuration,
            settings=measurement.settings,
            resolved=resolve(RunFolder(result.run.folder).lock, overrides=overrides),
        )
        for result in results
        if result.run.configuration == of and result.finished and result.of is None
    ]
    return of, runs


def overrides_of(plan: Plan, measurement: PlannedMeasurement) -> list[str]:
    """The values of a measurement as `KEY=VALUE`, with the place that independent encoders have now."""
    assignments = [*([plan.independent] if plan.independent else []), *measurement.assignments]
    # JSON is YAML on one line
    return [
        f"{assignment.key}={json.dumps(plain(assignment.value), ensure_ascii=False)}"
        for assignment in assignments
    ]


def _results(plan: Plan, run: PlannedRun, *, finished: bool) -> RunResults:
    folder = RunFolder(run.folder)
    protocol = portable_protocol(plan, protocol_of(run.resolved))
    measurements = [
        measurement
        for measurement in read_measurements(folder, phases=list(run.resolved.data()["phases"]))
        if portable_protocol(plan, measurement.protocol) == protocol
    ]
    return RunResults(run, finished, tuple(measurements), costs_of(folder))


def portable_protocol(plan: Plan, protocol: Mapping[str, Any]) -> dict[str, Any]:
    """A protocol without the path of the sweep's own independent encoders, which moves with its folder."""
    # read back from JSON, lists are what tuples were
    copied: dict[str, Any] = json.loads(json.dumps(protocol))
    if plan.independent is not None:
        metric = copied["metrics"].get(plan.independent.steps[2])
        if isinstance(metric, dict):
            metric.pop("encoders", None)
    return copied


def _best(plan: Plan, metric: str | None, results: Sequence[RunResults]) -> str | None:
    """The configuration with the highest mean of a metric over its finished runs."""
    values: dict[str, list[float]] = {}
    for result in results:
        selected = result.selected(plan.highest)
        if selected is None or metric is None or not result.finished or result.of is not None:
            continue
        name = matching(headlines(selected.metrics), metric)
        if name is not None and math.isfinite(selected.metrics[name]):
            values.setdefault(result.run.configuration, []).append(float(selected.metrics[name]))
    return max(values, key=lambda configuration: fmean(values[configuration]), default=None)
