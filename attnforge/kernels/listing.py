"""Lists the kernels of an operation: which one is selected, and why others cannot run."""

from __future__ import annotations

from attnforge.kernels.dispatch import Operation, offered
from attnforge.values import Situation


def rows_of(operation: Operation, situation: Situation) -> list[dict[str, str | None]]:
    """A row for every kernel of an operation, those of plugins last.

    The state is `auto` for the one that auto selects, `runs` for those that run where they are named, or
    `refuses`.
    """
    rows: list[dict[str, str | None]] = []
    selected = False
    for kernel in operation.kernels:
        refusal = kernel.refuse(situation)
        reason = refusal or kernel.avoid(situation)
        state = "refuses" if refusal else "runs" if reason or selected else "auto"
        selected = selected or state == "auto"
        rows.append(row(operation, kernel.name, state, kernel.summary, reason))
    for name, kernel in offered(operation.name).items():
        refusal = kernel.refuse(situation)
        rows.append(row(operation, name, "refuses" if refusal else "runs", kernel.summary, refusal))
    return rows


def row(
    operation: Operation, kernel: str, state: str, summary: str, reason: str | None
) -> dict[str, str | None]:
    """One row of the list."""
    return {
        "operation": operation.name,
        "kernel": kernel,
        "state": state,
        "summary": summary,
        "reason": reason,
    }
