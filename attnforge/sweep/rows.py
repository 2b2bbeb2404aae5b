"""The rows of a sweep's table: the runs of a configuration together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from attnforge.evaluate.headlines import headlines, is_share, written
from attnforge.evaluate.measured import Measurement
from attnforge.sweep.plan import Plan
from attnforge.sweep.results import RunResults


@dataclass(frozen=True, slots=True)
class Row:
    """The results of a configuration: those of one run, or of one for each seed."""

    configuration: str
    results: tuple[RunResults, ...]
    measurements: tuple[Measurement, ...]
    """The one that the table shows of each run that has any."""

    @property
    def title(self) -> str:
        """The configuration, with the one that trained its runs where it is another."""
        of = next((result.of for result in self.results if result.of), None)
        return f"{self.configuration} (of {of})" if of else self.configuration

    @property
    def at(self) -> str:
        """When they were measured: the epoch, or the step where epochs are unknown."""
        epochs = [measurement.epoch for measurement in self.measurements]
        if not epochs:
            return ""
        if any(epoch is None for epoch in epochs):
            return f"step {', '.join(str(item.step) for item in self.measurements)}"
        return f"{fmean(epoch for epoch in epochs if epoch is not None):.4g}"

    @property
    def parameters(self) -> str:
        """Parameters of the generator."""
        count = self.results[0].run.parameters if self.results else None
        return "" if count is None else f"{count:,}"

    @property
    def steps(self) -> str:
        """Steps of each phase, those of shared encoders aside."""
        costs = [result.costs for result in self.results if result.measurements]
        return " + ".join(f"{steps:,}" for steps in costs[0].steps.values()) if costs else ""

    @property
    def minutes(self) -> str:
        """Minutes of training, the mean over the runs."""
        minutes = [result.costs.minutes for result in self.results if result.measurements]
        return f"{fmean(minutes):.1f}" if minutes else ""

    def value(self, name: str) -> str:
        """A metric: with its deviation for one run; the mean, the lowest and the highest of several."""
        if len(self.results) < 2:
            return written(name, self.measurements[0].metrics) if self.measurements else ""
        known = [item.metrics for item in self.measurements if name in headlines(item.metrics)]
        if not known:
            return ""
        factor, digits = (100, 1) if any(is_share(name, metrics) for metrics in known) else (1, 2)
        values = [factor * float(metrics[name]) for metrics in known]
        mean, low, high = (f"{value:.{digits}f}" for value in (fmean(values), min(values), max(values)))
        return f"{mean} ({low} to {high})" if len(values) > 1 else f"{mean} (one seed)"


def rows_of(plan: Plan, results: Sequence[RunResults]) -> list[Row]:
    """A row for each configuration, also for those without any result yet."""
    rows = []
    for configuration in plan.configurations:
        own = tuple(result for result in results if result.run.configuration == configuration)
        selected = (result.selected(plan.highest) for result in own)
        rows.append(Row(configuration, own, tuple(item for item in selected if item is not None)))
    return rows
