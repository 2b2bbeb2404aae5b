"""The table of a sweep as Markdown, like Table 2 of the AttnGAN paper."""

from __future__ import annotations

from collections.abc import Sequence

from attnforge.evaluate.headlines import headlines, is_share, short, written
from attnforge.sweep.plan import Plan
from attnforge.sweep.results import RunResults


def table(plan: Plan, results: Sequence[RunResults]) -> str:
    """One row for each run: its label, the checkpoint that is shown, its metrics with deviations."""
    selected = [(result, result.selected(plan.highest)) for result in results]
    shown = [measurement.metrics for _, measurement in selected if measurement is not None]
    names = list(dict.fromkeys(name for metrics in shown for name in headlines(metrics)))
    shares = {name for name in names if any(is_share(name, metrics) for metrics in shown)}
    titles = ["configuration", "epoch", *(short(name) + (" (%)" if name in shares else "") for name in names)]
    lines = [f"# {plan.summary or plan.name}", "", _row(titles), _row(["---"] * len(titles))]
    for result, measurement in selected:
        if measurement is None:
            lines.append(_row([result.run.label, "", *("" for _ in names)]))
            continue
        epoch = f"{measurement.epoch:g}" if measurement.epoch is not None else f"step {measurement.step}"
        values = [written(name, measurement.metrics) for name in names]
        lines.append(_row([result.run.label, epoch, *values]))
    return "\n".join([*lines, "", *_notes(plan, results, names)]) + "\n"


def _notes(plan: Plan, results: Sequence[RunResults], names: Sequence[str]) -> list[str]:
    which = f"with the highest {plan.highest}" if plan.highest else "that was measured last"
    captions = sorted({item.metrics["captions"] for result in results for item in result.measurements})
    notes = [f"Each row shows the checkpoint {which}."]
    if plan.highest:
        notes.append("It was selected on the captions that it is evaluated on, as in the paper.")
    if captions:
        notes.append(
            f"Measured on {' or '.join(f'{count:,}' for count in captions)} captions of the test split."
        )
    protocols = [name for name in names if name != short(name)]
    if protocols:
        notes.append(f"Full names: {'; '.join(protocols)}.")
    open_runs = [result.run.label for result in results if not result.finished]
    if open_runs:
        notes.append(f"Not finished: {'; '.join(open_runs)}.")
    return [" ".join(notes)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
