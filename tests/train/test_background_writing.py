"""Checkpoints are written in a thread: training continues, and no failure of the thread is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from attnforge.storage.checkpoints.background import BackgroundWriter
from attnforge.storage.checkpoints.finite import not_finite
from attnforge.storage.checkpoints.host_copy import host_copy
from attnforge.storage.checkpoints.retention import Retention


@pytest.fixture
def writer() -> BackgroundWriter:
    return BackgroundWriter()


def failing() -> None:
    raise OSError(28, "No space left on device")


def test_the_caller_continues_while_a_write_is_in_progress(writer: BackgroundWriter) -> None:
    release, written = threading.Event(), []

    def write() -> None:
        release.wait(60)
        written.append(threading.current_thread())

    writer.start(write)
    writer.raise_failure()
    assert written == []
    release.set()
    writer.wait()
    assert written != []
    assert written[0] is not threading.main_thread()
    writer.close()


def test_a_second_write_waits_for_the_first(writer: BackgroundWriter) -> None:
    order: list[str] = []
    started = threading.Event()

    def first() -> None:
        started.wait(0.2)
        order.append("first")

    writer.start(first)
    writer.start(lambda: order.append("second"))
    writer.wait()
    assert order == ["first", "second"]
    writer.close()


@pytest.mark.parametrize("ask", ["wait", "start", "raise_failure"])
def test_what_a_write_raised_is_raised_once_where_training_asks(writer: BackgroundWriter, ask: str) -> None:
    writer.start(failing)
    assert isinstance(writer._write.exception(), OSError)  # type: ignore[union-attr]
    asks: dict[str, Callable[[], None]] = {
        "wait": writer.wait,
        "start": lambda: writer.start(lambda: None),
        "raise_failure": writer.raise_failure,
    }
    with pytest.raises(OSError, match="No space left"):
        asks[ask]()
    writer.wait()
    writer.close()


def test_a_copy_is_independent_of_later_steps_and_contiguous() -> None:
    layer = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    state = {"weights": dict(layer.state_dict()), "groups": [{"betas": (0.5, 0.9), "lr": torch.tensor(0.1)}]}
    copy = host_copy(state)
    before = layer.weight.detach().clone()
    with torch.no_grad():
        layer.weight.zero_()
    assert torch.equal(copy["weights"]["weight"], before)
    assert copy["weights"]["weight"].is_contiguous()
    assert copy["groups"][0]["betas"] == (0.5, 0.9)


def test_large_values_are_finite_although_their_sum_overflows() -> None:
    large, bad = torch.full((4,), 3e38), torch.tensor([1.0, float("nan")])
    infinite = torch.tensor([float("inf"), -float("inf")])
    assert not_finite([("large", large), ("bad", bad), ("infinite", infinite)]) == ["bad", "infinite"]


def test_the_last_every_nth_and_the_best_are_kept() -> None:
    folders = [(step, Path(f"gan-{step:07d}")) for step in range(100, 1100, 100)]
    kept = Retention(last=2, every=400, best="gan-0000300")
    surplus = {folder.name for folder in kept.surplus(folders)}
    names = {folder.name for _, folder in folders}
    assert names - surplus == {"gan-0000300", "gan-0000400", "gan-0000800", "gan-0000900", "gan-0001000"}
