"""What a sweep gave, read anew from its run folders: results.json, results.csv, results.md, figure.svg."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnforge.evaluate.headlines import headlines, is_share, matching, short
from attnforge.run.folder import RunFolder
from attnforge.run.measured import Measurement, protocol_digest, protocol_of, read_measurements
from attnforge.run.sweep.plan import Plan, PlannedRun
from attnforge.run.sweep.plot import Line, Panel, draw_panels
from attnforge.run.sweep.state import SweepState, write_file
from attnforge.run.sweep.table import table

FILES = ("results.json", "results.csv", "results.md", "figure.svg")


@dataclass(frozen=True, slots=True)
class RunResults:
    """The measurements of one run by the protocol of its recipe, in the order of training."""

    run: PlannedRun
    finished: bool
    measurements: tuple[Measurement, ...]

    def chosen(self, highest: str | None) -> Measurement | None:
        """The one that the table shows: the highest in a figure, or the last; None when there is none."""
        if not self.measurements:
            return None
        last = self.measurements[-1]
        if highest is None:
            return last
        scored = []
        for one in self.measurements:
            name = matching(headlines(one.metrics), highest)
            if name is not None and math.isfinite(one.metrics[name]):
                scored.append((float(one.metrics[name]), one))
        # of equals the earlier one: less training for the same
        return max(scored, key=lambda pair: pair[0])[1] if scored else last


def read_results(plan: Plan) -> list[RunResults]:
    """What the runs of a sweep have measured so far."""
    state = SweepState(plan.out)
    found = []
    for run in plan.runs:
        wanted = protocol_digest(protocol_of(run.resolved))
        phases = list(run.resolved.data()["phases"])
        measurements = [
            one
            for one in read_measurements(RunFolder(run.folder), phases=phases)
            if one.protocol_digest == wanted
        ]
        finished = state.finished(run.folder.name, run.digest)
        found.append(RunResults(run, finished, tuple(measurements)))
    return found


def write_results(plan: Plan) -> list[Path]:
    """Write every file of results anew, and give their paths.

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
    """Every headline figure against training, a panel each and a line a run, as in Figure 3 of the paper."""
    every = [one for result in results for one in result.measurements]
    names = list(dict.fromkeys(name for one in every for name in headlines(one.metrics)))
    epochs = all(one.epoch is not None for one in every)
    panels = []
    for name in names:
        lines = []
        for result in results:
            having = [one for one in result.measurements if math.isfinite(one.metrics.get(name, math.nan))]
            factor = 100 if any(is_share(name, one.metrics) for one in having) else 1
            points = [
                (
                    float(one.epoch if epochs and one.epoch is not None else one.step),
                    factor * one.metrics[name],
                )
                for one in having
            ]
            lines.append(Line(result.run.label, tuple(points)))
        share = any(is_share(name, one.metrics) for one in every)
        panels.append(Panel(f"{short(name)} (%)" if share else short(name), tuple(lines)))
    return draw_panels(panels, x="epoch" if epochs else "step", title=plan.summary or plan.name)


def _json(plan: Plan, results: list[RunResults]) -> str:
    protocols: dict[str, Any] = {}
    runs = []
    for result in results:
        digest = protocol_digest(protocol_of(result.run.resolved))
        protocols[digest] = protocol_of(result.run.resolved)
        runs.append(
            {
                "configuration": result.run.label,
                "folder": result.run.folder.name,
                "recipe": result.run.resolved.name,
                "digest": result.run.digest,
                "settings": result.run.settings,
                "finished": result.finished,
                "protocol": digest,
                "measurements": [
                    {"phase": one.phase, "step": one.step, "epoch": one.epoch, "figures": _plain(one.metrics)}
                    for one in result.measurements
                ],
            }
        )
    data = {"sweep": plan.name, "summary": plan.summary, "runs": runs, "protocols": protocols}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _plain(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Figures as JSON has them, which knows no number that is not finite: null stands for those."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in metrics.items()
    }


def _csv(results: list[RunResults]) -> str:
    every = [one for result in results for one in result.measurements]
    names = list(dict.fromkeys(name for one in every for name in one.metrics))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["configuration", "folder", "phase", "step", "epoch", *names])
    for result in results:
        for one in result.measurements:
            metrics = [one.metrics.get(name, "") for name in names]
            epoch = "" if one.epoch is None else one.epoch
            writer.writerow([result.run.label, result.run.folder.name, one.phase, one.step, epoch, *metrics])
    return stream.getvalue()
