"""The benchmark of sampling runs, and compares every way with the official one of its section."""

from __future__ import annotations

from pathlib import Path

import pytest
import sampling


def test_every_way_samples_and_is_compared_with_the_official_one(tmp_path: Path) -> None:
    captions = sampling.random_captions(3)
    compared = sampling.ways(sampling.parts_of_birds(small=True), captions, tmp_path)
    rows = sampling.measure(compared, images=3, repeats=1)
    assert [(row.section, row.way) for row in rows] == list(compared)
    assert {row.section: row.ratio for row in rows if row.way == "official"} == {"generator": 1, "disk": 1}
    assert all(row.images_per_second_and_core == pytest.approx(1e3 / row.milliseconds) for row in rows)
    assert len(list((tmp_path / "official").glob("*.png"))) == 3
    assert len(list((tmp_path / "attnforge").glob("*/*.jpg"))) == 3
