"""Several processes that sample parts of a file at the same time on one machine."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from attnforge.errors import AttnforgeError, Problem, RunError
from attnforge.sampling.bulk.captions import CheckedCaptions
from attnforge.sampling.bulk.job import Job
from attnforge.train.progress import warn_on_stderr


def work_in_processes(
    jobs: Sequence[Job], captions: CheckedCaptions, *, progress: Callable[[int, bool], None]
) -> None:
    """Work on each job in a process of its own; one that fails does not stop the others.

    Processes are started rather than forked: a GPU that was used here cannot be used in a fork.

    Args:
        jobs: One for each process.
        captions: The checked file.
        progress: Called with the images of each block, and whether they were there before.

    Raises:
        RunError: processes failed or were killed; the blocks that they had finished are kept.
    """
    context = multiprocessing.get_context("spawn")
    processes: dict[Connection, BaseProcess] = {}
    problems: list[Problem] = []
    try:
        for job in jobs:
            here, there = context.Pipe(duplex=False)
            started = context.Process(target=_work, args=(job, captions, there), daemon=True)
            started.start()
            there.close()  # so that its end shows when the process is gone
            processes[here] = started
        running = dict(processes)
        while running:
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)  # noqa: S101  (what was waited for)
                try:
                    message = connection.recv()
                except EOFError:
                    process = running.pop(connection)
                    process.join()
                    if process.exitcode and process.exitcode < 0:
                        problems.append(_killed(number=-process.exitcode))
                    elif process.exitcode and not problems:
                        problems.append(_failed())
                    continue
                if isinstance(message, list):
                    problems += [problem for problem in message if problem not in problems]
                else:
                    progress(*message)
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.join()
    if problems:
        raise RunError(problems)


def _work(job: Job, captions: CheckedCaptions, connection: Connection) -> None:
    """The main function of a process."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that drafts are removed
    with suppress(KeyboardInterrupt, BrokenPipeError):  # the parent stops, or is gone
        try:
            pipeline = job.load(warn_on_stderr)
            job.work(
                pipeline,
                captions,
                progress=lambda images, before: connection.send((images, before)),
                warn=warn_on_stderr,
            )
        except AttnforgeError as error:
            connection.send(list(error.problems))
            raise SystemExit(1) from error


def _killed(*, number: int) -> Problem:
    message = f"a process that sampled was killed by signal {number}"
    expected = "enough memory for every process: fewer `--processes`, or a smaller `--batch-size`"
    step = "the same command again, which resumes: finished blocks are kept"
    return Problem("sampling-killed", message, None, expected, step)


def _failed() -> Problem:
    message = "a process that sampled failed; its error is printed above"
    return Problem("sampling-killed", message, None, None, "the same command again, which resumes")
