"""Starts the processes of a training by torchrun's agent, and says plainly how they ended."""

from __future__ import annotations

import logging
import os
import re
import shlex
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import torch
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.elastic.rendezvous.api import RendezvousError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from attnforge.build import assemble
from attnforge.cli.eval import command as evaluate
from attnforge.cli.train import command as train
from attnforge.compute.meeting import for_processes
from attnforge.errors import AttnforgeError, Problem, RunError
from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.run.opening import follow_run, names_a_run
from attnforge.run.stop import LAUNCHER
from attnforge.run.tasks import refuse_indivisible
from attnforge.terminal import print_text

STOP_SECONDS = 600
"""How long processes that were asked to stop may save before they are killed."""
_SHARED_STORE = "TORCH_DISABLE_SHARE_RDZV_TCP_STORE"
_AGENT_LOG = "torch.distributed.elastic"
_FAILED = re.compile(r"failed \(exitcode: (?P<code>-?\d+)\) local_rank: (?P<rank>\d+)")


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
        UsageError: the command is neither `train` nor `eval`, or trains nothing.
    """
    if arguments[0] not in ("train", "eval"):
        raise click.UsageError(f"`train` and `eval` run in several processes, not {arguments[0]!r}.")
    if meet is not None:
        _refuse_unknown_host(meet)
    count = processes or torch.cuda.device_count()
    if not count:
        message = "this machine has no GPU, so the number of processes is unknown"
        next_step = f"attnforge launch --processes 2 {' '.join(arguments)}"
        raise RunError(Problem("no-process-count", message, None, "the option `--processes`", next_step))
    same = f"attnforge launch --processes {count}" + (
        f" --machines {machines[0]}:{machines[1]} --meet {meet}" if meet is not None else ""
    )
    try:
        _check(arguments, count * machines[0])
    except AttnforgeError as error:
        raise for_processes(error, f"{same} train") from error
    # a restarted group would meet at the store of the group that has failed
    os.environ.setdefault(_SHARED_STORE, "1")
    if machines[1] == 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # the host's own name need not be known to it
    os.environ[LAUNCHER] = str(os.getpid())
    os.environ["TORCH_CPP_LOG_LEVEL"] = "ERROR"  # of the processes, whose GPU errors may be in the log only
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
        with agent_log(restarts=restarts):
            elastic_launch(config, sys.executable)(*command)
    except ChildFailedError as error:
        again = arguments
        if arguments[0] == "train" and "--resume" not in arguments:
            again = ("train", "--resume", *arguments[1:])
        next_step = f"{same} {shlex.join(again)}"
        raise explained(error, processes=count, next_step=next_step) from error
    except SignalException as error:
        raise click.exceptions.Exit(128 + int(error.sigval)) from error
    except RendezvousError as error:
        raise _not_found(f"the machines do not find one another at {meet}: {error}") from error


def _refuse_unknown_host(meet: str) -> None:
    """Refuse an address whose host this machine does not know, which would be tried for minutes."""
    host, _, port = meet.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise click.BadParameter(f"{meet!r} is not HOST:PORT", param_hint="--meet")
    try:
        socket.getaddrinfo(host.strip("[]"), int(port))
    except OSError as error:
        raise _not_found(
            f"this machine does not know the host {host} of --meet {meet}: {error.strerror}"
        ) from error


def _not_found(message: str) -> RunError:
    expected = "the same command on every machine, and an address that all of them reach"
    return RunError(Problem("processes-not-joined", message, None, expected, "attnforge launch --help"))


def _check(arguments: Sequence[str], world_size: int) -> None:
    """Report what is wrong with the options or the recipe before processes are started."""
    if arguments[0] == "eval":
        evaluate.make_context("attnforge launch eval", list(arguments[1:]))
        return
    options = train.make_context("attnforge launch train", list(arguments[1:])).params
    if options["dry_run"]:
        raise click.UsageError("--dry-run estimates one process: use it with `attnforge train`.")
    recipe, overrides, plugins = options["recipe"], options["overrides"], load_plugins()
    if options["resume"] and names_a_run(recipe, plugins):
        resolved = follow_run(Path(recipe), out=None, overrides=overrides, plugins=plugins).resolved
    else:
        resolved = resolve(recipe, overrides=overrides, plugins=plugins)
    refuse_indivisible(assemble(resolved), world_size)


@contextmanager
def agent_log(*, restarts: int) -> Iterator[None]:
    """A context in which the agent's log is silent, and restarts are announced.

    Args:
        restarts: How often all processes are started again.
    """
    logger = logging.getLogger(_AGENT_LOG)
    handler, propagated = _Restarts(restarts), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = propagated
        logger.removeHandler(handler)


class _Restarts(logging.Handler):
    """Prints which process has failed when all of them are started again.

    Args:
        restarts: How often they are; the failure after these ends the command, which then reports it.
    """

    def __init__(self, restarts: int) -> None:
        super().__init__()
        self.restarts = restarts
        self.failures = 0

    def emit(self, record: logging.LogRecord) -> None:
        if (match := _FAILED.search(record.getMessage())) is None:
            return
        self.failures += 1
        if self.failures <= self.restarts:
            which = f"process {match['rank']} {_end_of(int(match['code']))}"
            text = f"{which}; starting all processes again, {self.failures} of {self.restarts} times"
            print_text(f"warning: {text}", err=True)


def explained(error: ChildFailedError, *, processes: int, next_step: str) -> Exception:
    """What ended a training: a signal is reported here, anything else the process has printed itself.

    Args:
        error: The error of the agent.
        processes: How many there were.
        next_step: The command that resumes the training.
    """
    rank, failure = error.get_first_failure()
    if failure.exitcode >= 0:
        return click.exceptions.Exit(failure.exitcode)
    return RunError(
        Problem(
            "process-killed",
            f"process {rank} of {processes} {_end_of(failure.exitcode)}",
            expected="enough memory for all processes: when it runs out, the system kills one by SIGKILL; "
            "`--restarts 3` resumes without you",
            next_step=next_step,
        )
    )


def _end_of(exit_code: int) -> str:
    name = signal.Signals(-exit_code).name if exit_code < 0 else ""
    return f"was killed by {name}" if name else f"has failed with exit code {exit_code}"
