"""Memory that tensors on a CPU free is kept for the next ones."""

from __future__ import annotations

import platform
import resource
from multiprocessing import get_context
from multiprocessing.connection import Connection

import pytest
import torch

from attnforge.compute.allocation import keep_freed_memory

on_glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other allocators have no such options"
)


def _faults(results: Connection) -> None:
    """Page faults of equal steps, before and after the setting, which a process cannot take back."""
    counts = []
    for kept in (False, True):
        if kept:
            assert keep_freed_memory(torch.device("cpu"))
        for _ in range(3):  # the heap grows to what a step needs
            _step()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(4):
            _step()
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    results.send(counts)


def _step() -> None:
    first = torch.ones(48 << 20, dtype=torch.uint8)
    assert (first + 1)[-1] == 2


@on_glibc
@pytest.mark.long
def test_the_memory_of_a_step_is_used_in_the_next_without_asking_the_system() -> None:
    context = get_context("spawn")  # a heap that other tests left may not fit
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_faults, args=(sending,))
    child.start()
    assert receiving.poll(600)
    default, kept = receiving.recv()
    child.join()
    pages = 2 * (48 << 20) // resource.getpagesize()
    assert kept < pages / 10, (default, kept)
    if default > pages:  # the system may give huge pages, and then asks for few either way
        assert default > 10 * kept


def test_other_devices_and_c_libraries_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not keep_freed_memory(torch.device("cuda"))
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory(torch.device("cpu"))
