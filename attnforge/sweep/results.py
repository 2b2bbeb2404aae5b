"""The measurements of a sweep's runs, from their folders."""

from __future__ import annotations

import math
from dataclasses import dataclass

from attnforge.evaluate.headlines import headlines, matching
from attnforge.evaluate.measured import Measurement, protocol_digest, protocol_of, read_measurements
from attnforge.storage.folder import RunFolder
from attnforge.sweep.plan import Plan, PlannedRun
from attnforge.sweep.state import SweepState


@dataclass(frozen=True, slots=True)
class RunResults:
    """The measurements of one run with the protocol of its recipe, in the order of training."""

    run: PlannedRun
    finished: bool
    measurements: tuple[Measurement, ...]

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
    """The measurements of a sweep's runs so far."""
    state = SweepState(plan.out)
    results = []
    for run in plan.runs:
        protocol = protocol_digest(protocol_of(run.resolved))
        phases = list(run.resolved.data()["phases"])
        measurements = [
            measurement
            for measurement in read_measurements(RunFolder(run.folder), phases=phases)
            if measurement.protocol_digest == protocol
        ]
        finished = state.finished(run.folder.name, run.digest)
        results.append(RunResults(run, finished, tuple(measurements)))
    return results
