"""Runs a function in several processes of torch.distributed on one machine."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as distributed


def in_processes(work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], folder: Path) -> list[Any]:
    """What `work` gives in each of as many processes as there are arguments.

    Args:
        work: A function of a module that can be imported; gives tensors or plain data.
        arguments: Those of each process.
        folder: An empty folder to meet in.
    """
    # forked from a server that imports torch once, and not from here, where a GPU may be in use
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", work.__module__])
    processes = [
        context.Process(target=_run, args=(work, given, number, len(arguments), folder), daemon=True)
        for number, given in enumerate(arguments)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * len(processes)
    return [torch.load(folder / f"{number}.pt", weights_only=True) for number in range(len(processes))]


def _run(work: Callable[..., Any], given: tuple[Any, ...], number: int, count: int, folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    meeting = f"file://{folder}/meeting"
    distributed.init_process_group("gloo", init_method=meeting, rank=number, world_size=count)
    torch.save(work(*given), folder / f"{number}.pt")
    distributed.barrier()
    distributed.destroy_process_group()
