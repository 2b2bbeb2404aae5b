"""The table of the launches of region matching, and tuning, which looks for better ones."""

from __future__ import annotations

import importlib.util
from itertools import product
from typing import get_args

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")


def test_the_table_has_a_launch_for_all_that_the_kernel_takes() -> None:
    from attnforge.kernels.region_matching import MAX_CAPTION_WORDS, MAX_VECTOR_SIZE
    from attnforge.kernels.region_matching.buckets import sizes_for
    from attnforge.kernels.region_matching.factors import Kind
    from attnforge.kernels.region_matching.launch_table import LAUNCHES, Program
    from attnforge.kernels.region_matching.launches import constants_of, launch_for, width_of

    assert sizes_for(MAX_CAPTION_WORDS) == (16, 32, 64)
    assert sizes_for(1) == (16,)
    assert sizes_for(17) == (16, 32)
    assert width_of(MAX_VECTOR_SIZE) == MAX_VECTOR_SIZE
    assert width_of(5) == 32
    programs, kinds = get_args(Program), get_args(Kind)
    assert set(LAUNCHES) == set(product(programs, (8, 9), kinds))
    for program, generation, kind in LAUNCHES:
        for width, words in product((32, 64, 128, 256), (16, 32, 64)):
            launch = launch_for(program, generation=generation, kind=kind, width=width, words=words)
            constants = constants_of(program, launch, kind=kind, width=width, words=words)
            assert constants.get("ROWS", words) % words == 0
            assert width % constants.get("PART", width) == 0
    later = launch_for("score", generation=12, kind="half", width=64, words=32)
    assert later == launch_for("score", generation=9, kind="half", width=32, words=32)


def test_tuning_times_the_launches_of_the_table_once_and_adds_nothing_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from matching_cases import Matching, errors

    from attnforge.kernels.region_matching import launches

    case = Matching(images=1, captions=1, words=5, regions=4, width=16)
    exact = case.results("reference", precise=True)
    timed = []

    def time(call, quantiles):  # type: ignore[no-untyped-def]
        timed.append(call)
        call()
        return [float(len(timed))] * 3

    tuners = [launches.tuned(program, "half", 32, 16) for program in launches.PROGRAMS]
    for tuner in tuners:
        assert len(tuner.configs) > 1
        monkeypatch.setattr(tuner, "_do_bench", time)
        monkeypatch.setattr(tuner, "cache_results", False)
    monkeypatch.setenv(launches.TUNE, "1")
    for _ in range(2):
        scores, gradients = errors(case.results("triton", precision="float16"), exact)
        assert scores < 2e-3
        assert gradients < 1e-2
        assert len(timed) == sum(len(tuner.configs) for tuner in tuners)
