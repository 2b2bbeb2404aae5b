"""A command in several processes, as torchrun or SLURM starts it."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from commands import command
from forked import Forked


@contextmanager
def processes(
    *arguments: str,
    folder: Path,
    count: int = 2,
    restarts: int = 0,
    further: Mapping[int, Sequence[str]] | None = None,
    variables: Mapping[int, Mapping[str, str]] | None = None,
) -> Iterator[list[Forked]]:
    """A command in several processes that find one another as torchrun's do.

    Args:
        arguments: The words behind `attnforge`.
        folder: Where it works.
        count: How many processes there are.
        restarts: How often torchrun has started all of them again.
        further: Further words of some processes, by rank.
        variables: Further environment variables of some processes, by rank.
    """
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    shared = {
        "WORLD_SIZE": str(count),
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
        "TORCHELASTIC_RESTART_COUNT": str(restarts),
    }
    with ExitStack() as stack:
        started = []
        for rank in range(count):
            own = {"RANK": str(rank), "LOCAL_RANK": str(rank), **(variables or {}).get(rank, {})}
            words = [*arguments, *(further or {}).get(rank, ())]
            process = command(*words, folder=folder, quick=True, **shared, **own)
            started.append(stack.enter_context(process))
        yield started
