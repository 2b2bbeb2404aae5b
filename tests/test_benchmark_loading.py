"""The benchmark of loading runs, and what it writes can be read."""

from __future__ import annotations

from pathlib import Path

import loading
import pytest
from photographs import write_birds


def test_every_way_loads_and_is_compared_with_the_official_one(tmp_path: Path) -> None:
    write_birds(tmp_path, count=4)
    compared = loading.ways(tmp_path, images=4, batch_size=3)
    lines = loading.measure(compared, images=4, repeats=2)
    assert [line.way for line in lines] == list(compared)
    assert lines[0].ratio == 1.0
    for line in lines:
        assert line.milliseconds_low <= line.milliseconds <= line.milliseconds_high
        assert line.images_per_second_and_core == pytest.approx(1e3 / line.milliseconds)
        assert line.ratio_low <= line.ratio <= line.ratio_high
