"""`attnforge kernels`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from attnforge.cli.listing import listing
from attnforge.terminal import print_text

if TYPE_CHECKING:
    from attnforge.kernels.dispatch import Operation
    from attnforge.values import Situation

TYPES = ("float32", "float64", "bfloat16", "float16")


@click.command("kernels")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="The device of the inputs.",
)
@click.option(
    "--dtype", type=click.Choice(TYPES), default="float32", show_default=True, help="The type of the inputs."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(device: str, dtype: str, as_json: bool) -> None:
    """List the kernels of each operation: which one `auto` selects, and why others cannot run.

    Sizes are those of a large batch; for a small one, `auto` may select a later kernel.
    """
    import torch

    from attnforge.kernels.dispatch import VARIABLE
    from attnforge.kernels.operations import operations
    from attnforge.train.device import choose_device
    from attnforge.values import Situation

    place = torch.device(device) if device == "cuda" else choose_device(device)
    rows = []
    for operation in operations():
        number = getattr(torch, dtype)
        situation = Situation(device=place, dtype=number, sizes=operation.sizes, gradient=True)
        rows += rows_of(operation, situation)
    columns = ["operation", "kernel", "state", "summary"]
    if any(row["reason"] for row in rows):
        columns.append("reason")
    listing(rows, as_json=as_json, columns=columns)
    if selected := os.environ.get(VARIABLE):
        print_text(f"{VARIABLE}={selected} applies wherever `auto` would choose", err=True)


def rows_of(operation: Operation, situation: Situation) -> list[dict[str, str | None]]:
    """A row for every kernel of an operation, those of plugins last.

    The state is `auto` for the one that auto selects, `runs` for those that run where they are named, or
    `refuses`.
    """
    from attnforge.kernels.dispatch import offered

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
