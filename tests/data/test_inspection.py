"""Truncated files are found by their ends, without decoding them."""

from __future__ import annotations

from pathlib import Path

import pytest
from photographs import photograph

from attnforge.data.checks.inspection import inspect_header
from attnforge.data.images.stored import ImageFile
from attnforge.data.reading.rows import Row
from attnforge.errors import Place, Problem


def glance(path: Path, *, place: Place | None = None, next_step: str | None = None) -> Problem | None:
    row = Row(path.name, ("a bird",), None, None, "train", 1)
    return next(iter(inspect_header(ImageFile(path), row, place=place, next_step=next_step)), None)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp", "a.gif", "a.tif"])
def test_whole_images_pass(tmp_path: Path, name: str) -> None:
    photograph(120, 90).save(tmp_path / name)
    assert glance(tmp_path / name) is None
    with (tmp_path / name).open("ab") as opened:
        opened.write(b"written behind the end")
    assert glance(tmp_path / name) is None


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("kept", [0, 1, 40, -1, -2, -30])
def test_what_is_cut_short_is_named(tmp_path: Path, name: str, kept: int) -> None:
    photograph(120, 90).save(tmp_path / name)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:kept])
    found = glance(tmp_path / name, place=Place("metadata.jsonl", 7), next_step="attnforge data check x")
    assert found is not None
    assert found.code == "broken-image"
    assert name in found.message
    assert str(found.place) == "metadata.jsonl:7"
    assert found.next_step == "attnforge data check x"


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><p>not found", b"version https://git-lfs"])
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    assert glance(tmp_path / "a.jpg") is not None
    assert glance(tmp_path / "none.jpg") is not None
