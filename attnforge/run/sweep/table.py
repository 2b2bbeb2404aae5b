"""The table of a sweep as Markdown, as Table 2 of the AttnGAN paper shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attnforge.evaluate.headlines import headlines, is_share, short, written

if TYPE_CHECKING:
    from attnforge.run.sweep.plan import Plan
    from attnforge.run.sweep.results import RunResults


def table(plan: Plan, results: Sequence[RunResults]) -> str:
    """A row a run: what it is called, the checkpoint that is shown, its figures with their deviations."""
    chosen = [(result, result.chosen(plan.highest)) for result in results]
    shown = [one for _, one in chosen if one is not None]
    names = list(dict.fromkeys(name for one in shown for name in headlines(one.metrics)))
    shares = {name for name in names if any(is_share(name, one.metrics) for one in shown)}
    titles = ["configuration", "epoch", *(short(name) + (" (%)" if name in shares else "") for name in names)]
    lines = [f"# {plan.summary or plan.name}", "", _row(titles), _row(["---"] * len(titles))]
    for result, one in chosen:
        if one is None:
            lines.append(_row([result.run.label, "", *("" for _ in names)]))
            continue
        epoch = f"{one.epoch:g}" if one.epoch is not None else f"step {one.step}"
        lines.append(_row([result.run.label, epoch, *(written(name, one.metrics) for name in names)]))
    return "\n".join([*lines, "", *_notes(plan, results, names)]) + "\n"


def _notes(plan: Plan, results: Sequence[RunResults], names: Sequence[str]) -> list[str]:
    which = f"with the highest {plan.highest}" if plan.highest else "that was measured last"
    captions = sorted({one.metrics["captions"] for result in results for one in result.measurements})
    notes = [f"Each row shows the checkpoint {which}."]
    if plan.highest:
        notes.append("It was chosen on the captions that it is judged on, as in the paper.")
    if captions:
        notes.append(
            f"Measured on {' or '.join(f'{count:,}' for count in captions)} captions of the test split."
        )
    protocols = [name for name in names if name != short(name)]
    if protocols:
        notes.append(f"In full: {'; '.join(protocols)}.")
    open_runs = [result.run.label for result in results if not result.finished]
    if open_runs:
        notes.append(f"Not finished: {'; '.join(open_runs)}.")
    return [" ".join(notes)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
