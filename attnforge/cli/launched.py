"""Starts the processes of a training by torchrun's agent, and says plainly how they ended."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import click
import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous.api import RendezvousError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from attnforge.build import assemble
from attnforge.cli.train import command as train
from attnforge.errors import Problem, RunError
from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.run.tasks import refuse_indivisible

STOP_SECONDS = 600
"""How long processes that were asked to stop may save before they are killed."""
_SHARED_STORE = "TORCH_DISABLE_SHARE_RDZV_TCP_STORE"


def launch(
    arguments: Sequence[str],
    *,
    processes: int | None,
    machines: tuple[int, int],
    meet: str | None,
    restarts: int,
    job: str,
) -> None:
    """Run a command of attnforge in several processes until all have ended.

    Args:
        arguments: The command and its arguments.
        processes: How many on this machine; by default one for every GPU.
        machines: The least and the largest number of machines.
        meet: Host and port where machines find one another.
        restarts: How often all processes are started again after one has failed.
        job: Names the training among others that meet there.

    Raises:
        RunError: a process has failed, or the machines do not find one another.
    """
    count = processes or torch.cuda.device_count()
    if not count:
        message = "this machine has no GPU, so the number of processes is unknown"
        next_step = f"attnforge launch --processes 2 {' '.join(arguments)}"
        raise RunError(Problem("no-process-count", message, None, "the option `--processes`", next_step))
    _check(arguments, count * machines[0])
    # a restarted group would meet at the store of the group that has failed
    os.environ.setdefault(_SHARED_STORE, "1")
    if machines[1] == 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # the host's own name need not be known to it
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // count)))
    config = LaunchConfig(
        min_nodes=machines[0],
        max_nodes=machines[1],
        nproc_per_node=count,
        run_id=job,
        rdzv_backend="c10d",
        rdzv_endpoint=meet or "localhost:0",
        rdzv_configs={"is_host": True} if meet is None else {},
        max_restarts=restarts,
        local_addr="localhost" if meet is None else None,
        shutdown_timeout=STOP_SECONDS,
    )
    command = ("-c", "from attnforge.cli import main; main()", *arguments)
    try:
        elastic_launch(config, sys.executable)(*command)
    except ChildFailedError as error:
        raise explained(error, processes=count) from error
    except SignalException as error:
        raise click.exceptions.Exit(128 + int(error.sigval)) from error
    except RendezvousError as error:
        message = f"the machines do not find one another at {meet}: {error}"
        expected = "the same command on every machine, and an address that all of them reach"
        raise RunError(Problem("processes-not-joined", message, None, expected)) from error


def _check(arguments: Sequence[str], world_size: int) -> None:
    """Report what is wrong with a recipe before processes are started, each of which would report it."""
    if arguments[0] != "train":
        return
    options = train.make_context("launch train", list(arguments[1:])).params
    if not options["resume"]:
        resolved = resolve(options["recipe"], overrides=options["overrides"], plugins=load_plugins())
        refuse_indivisible(assemble(resolved), world_size)


def explained(error: ChildFailedError, *, processes: int) -> Exception:
    """What ended a training: a signal is said here, anything else the process has printed itself."""
    rank, failure = error.get_first_failure()
    if failure.exitcode >= 0:
        return click.exceptions.Exit(failure.exitcode)
    name = signal.Signals(-failure.exitcode).name
    return RunError(
        Problem(
            "process-killed",
            f"process {rank} of {processes} was killed by {name}",
            expected="enough memory for all processes: when it runs out, the system kills one by SIGKILL",
            next_step="attnforge launch --restarts 3 train RECIPE",
        )
    )
