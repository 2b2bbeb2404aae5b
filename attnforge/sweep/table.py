"""The table of a sweep as Markdown, like Tables 2 and 3 of the AttnGAN paper."""

from __future__ import annotations

from collections.abc import Sequence

from attnforge.evaluate.headlines import headlines, is_share, title, with_unit
from attnforge.sweep.plan import Plan
from attnforge.sweep.results import RunResults
from attnforge.sweep.rows import Row, rows_of


def table(plan: Plan, results: Sequence[RunResults]) -> str:
    """One row for each configuration: its label, what it took, the checkpoint that is shown, its metrics."""
    rows = rows_of(plan, results)
    shown = [measurement.metrics for row in rows for measurement in row.measurements]
    names = list(dict.fromkeys(name for metrics in shown for name in headlines(metrics)))
    shares = {name for name in names if any(is_share(name, metrics) for metrics in shown)}
    costs = ["parameters", "steps", "minutes"] if plan.limits else []
    titles = [
        "configuration",
        *costs,
        "epoch",
        *(with_unit(title(name, names), share=name in shares) for name in names),
    ]
    lines = [f"# {plan.summary or plan.name}", "", _cells(titles), _cells(["---"] * len(titles))]
    for row in rows:
        spent = [row.parameters, row.steps, row.minutes] if plan.limits else []
        lines.append(_cells([row.title, *spent, row.at, *(row.value(name) for name in names)]))
    return "\n".join([*lines, "", *_notes(plan, rows, names)]) + "\n"


def _notes(plan: Plan, rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    results = [result for row in rows for result in row.results]
    which = f"with the highest {plan.highest}" if plan.highest else "that was measured last"
    captions = sorted({item.metrics["captions"] for result in results for item in result.measurements})
    notes = [f"Each row shows the checkpoint {which}."]
    if plan.highest:
        notes.append("It was selected on the captions that it is evaluated on, as in the paper.")
    if any(len(row.results) > 1 for row in rows):
        notes.append("Values of several seeds are their mean, with the lowest and the highest.")
    if captions:
        notes.append(
            f"Measured on {' or '.join(f'{count:,}' for count in captions)} captions of the test split."
        )
    protocols = [name for name in names if name != title(name, names)]
    if protocols:
        notes.append(f"Full names: {'; '.join(protocols)}.")
    notes += _over_budget(plan, results)
    unfinished = [result.run.label for result in results if not result.finished]
    unfinished += [row.configuration for row in rows if not row.results]
    if unfinished:
        notes.append(f"Not finished: {'; '.join(unfinished)}.")
    return [" ".join(notes)]


def _over_budget(plan: Plan, results: Sequence[RunResults]) -> list[str]:
    """What was known only after training: minutes, and steps of recipes that count epochs."""
    if plan.limits is None:
        return []
    trained = [result for result in results if result.of is None]
    texts = []
    for name, limit in (("minutes", plan.limits.minutes), ("steps", plan.limits.steps)):
        if limit is None:
            continue
        spent = {
            result.run.label: result.costs.minutes if name == "minutes" else sum(result.costs.steps.values())
            for result in trained
        }
        above = [f"{label} ({amount:,.4g})" for label, amount in spent.items() if amount > limit]
        if above:
            texts.append(f"Over the budget of {limit:,g} {name}: {'; '.join(above)}.")
    return texts


def _cells(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
