"""The table of confusions counts what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from own_images import confusions, shares, sheet, table
from PIL import Image

ASKED = ["car", "car", "car", "heart"]
NEAREST = ["car", "car", "boat", "car"]


def test_shares_are_by_class_and_by_image() -> None:
    assert shares(ASKED, NEAREST) == pytest.approx({"by class": (2 / 3 + 0) / 2, "by image": 0.5})


def test_the_table_has_the_most_frequent_first_and_the_own_in_bold() -> None:
    counts = confusions(ASKED, NEAREST)
    assert counts == {"car": {"car": 2, "boat": 1}, "heart": {"car": 1}}
    assert table(counts).splitlines()[2:] == ["| car | 3 | **car 2**, boat 1 |", "| heart | 1 | car 1 |"]


def test_a_sheet_has_some_images_in_rows(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    sheet([np.full((4, 4, 3), level, np.uint8) for level in range(0, 200, 10)], path, every=2)
    assert Image.open(path).size == (8 * 6, 2 * 6)
