"""`attnforge launch`: runs a command in several processes that train together, by torchrun's agent."""

from __future__ import annotations

import os
import uuid

import click
from click.shell_completion import CompletionItem

from attnforge.cli.completing import behind_command


class _Launch(click.Command):
    """Completes options behind `train` or `eval` as those of that command."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        if ctx.params.get("arguments"):
            return behind_command(ctx, self.params[-1], incomplete)
        return super().shell_complete(ctx, incomplete)


@click.command(
    "launch", cls=_Launch, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.option("--processes", type=click.IntRange(1), help="Processes on this machine; by default one a GPU.")
@click.option(
    "--machines", default="1", metavar="N or MIN:MAX", help="Machines, each of which runs this command."
)
@click.option("--meet", metavar="HOST:PORT", help="An address on one of the machines that all of them reach.")
@click.option(
    "--restarts", type=click.IntRange(0), default=0, help="Restarts of all processes when one fails."
)
@click.option("--job", metavar="NAME", help="A name of this training, the same on all machines.")
@click.argument("arguments", nargs=-1, required=True, metavar="train|eval ...", shell_complete=behind_command)
def command(
    processes: int | None,
    machines: str,
    meet: str | None,
    restarts: int,
    job: str | None,
    arguments: tuple[str, ...],
) -> None:
    """Run `attnforge train` or `attnforge eval` in several processes, which share every batch.

    `attnforge launch --processes 4 train bird` uses four GPUs of this machine, or four processes on the CPU.
    The results are those of one process, up to rounding: `batch_size` counts the images of all processes.

    `attnforge launch --processes 4 eval runs/bird` shares the images of an evaluation in the same way.

    When a process fails, all of them are started again up to `--restarts` times, and resume from the last
    checkpoint. With several machines, run the same command on each, with `--machines` and `--meet`.
    """
    low, _, high = machines.partition(":")
    try:
        least, most = int(low), int(high or low)
        if not 1 <= least <= most:
            raise ValueError
    except ValueError as error:
        raise click.BadParameter(
            f"{machines!r} is neither a number nor MIN:MAX", param_hint="--machines"
        ) from error
    if most > 1 and meet is None:
        raise click.UsageError("--machines needs --meet HOST:PORT, an address on one of them")
    # before torch is imported: what it logs, it also raises, and that is reported here in its place
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")
    from attnforge.cli.launched import launch

    launch(
        arguments,
        processes=processes,
        machines=(least, most),
        meet=meet,
        restarts=restarts,
        job=job or (uuid.uuid4().hex if most == 1 else "attnforge"),
    )
