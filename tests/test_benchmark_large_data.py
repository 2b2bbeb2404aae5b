"""The benchmark of large data runs, on little data."""

from __future__ import annotations

from pathlib import Path

import large_data
from attnforge_folder.dataset import Folder

from attnforge.specs import DataSpec


def test_a_folder_is_written_opened_and_measured(tmp_path: Path) -> None:
    large_data.write_folder(tmp_path, 60)
    growth = large_data.measure(
        "folder", 60, lambda: Folder(DataSpec(split="train", image_size=16), root=str(tmp_path)), steps=20
    )
    assert (growth.data, growth.images) == ("folder", 60)
    assert growth.seconds > 0
    assert growth.megabytes > 10
