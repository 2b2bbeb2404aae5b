"""`attnforge kernels`."""

from __future__ import annotations

import os

import click

from attnforge.cli.listing import listing
from attnforge.terminal import print_text

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

    from attnforge.compute.device import choose_device
    from attnforge.kernels.dispatch import VARIABLE
    from attnforge.kernels.listing import rows_of
    from attnforge.kernels.operations import operations
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
