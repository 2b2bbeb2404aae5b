"""The table of the launches of word attention, and tuning, which looks for better ones."""

from __future__ import annotations

import importlib.util

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")


def test_every_launch_fits_the_span_of_a_backward_program() -> None:
    from attnforge.kernels.word_attention.launches import LAUNCHES, SMALLEST, SPAN, launch_for

    shapes = [launch for table in LAUNCHES.values() for launch in table.values()]
    assert all(SPAN % launch.pixels == 0 and launch.pixels >= 16 for launch in (*shapes, SMALLEST))
    later = launch_for("learn", generation=12, half=True, channels=64, words=32)
    assert later == launch_for("learn", generation=9, half=True, channels=64, words=32)
    assert launch_for("attend", generation=8, half=False, channels=16, words=16) == launch_for(
        "attend", generation=8, half=False, channels=32, words=16
    )
    assert launch_for("learn", generation=9, half=False, channels=128, words=128) == SMALLEST


def test_tuning_times_every_launch_of_the_table_once_and_gives_the_same_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch
    from attention_cases import Case

    from attnforge.kernels.word_attention import launches

    case = Case(batch=1, words=5, size=(4, 4), channels=16, join=True)
    plain = case.results("triton", torch.float32)
    timed = []

    def time(call, quantiles):  # type: ignore[no-untyped-def]
        timed.append(call)
        call()
        return [float(len(timed))] * 3

    for program in ("attend", "learn"):
        tuner = launches.tuned(program, False)
        assert len(tuner.configs) > 1
        monkeypatch.setattr(tuner, "_do_bench", time)
        monkeypatch.setattr(tuner, "cache_results", False)
    monkeypatch.setenv(launches.TUNE, "1")
    tuned = case.results("triton", torch.float32)
    expected = sum(len(launches.tuned(program, False).configs) for program in ("attend", "learn"))
    assert len(timed) == expected
    for name, value in plain.items():
        torch.testing.assert_close(tuned[name], value, rtol=1e-4, atol=1e-5)
    case.results("triton", torch.float32)
    assert len(timed) == expected
