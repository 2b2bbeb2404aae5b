"""Images as files: names that no two captions share, written one by one, with a sheet that stays small."""

from __future__ import annotations

import itertools
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnforge.errors import RunError
from attnforge.sampling.generated import GeneratedImage
from attnforge.sheets.writing import SHEET, SHEET_IMAGES, caption_name, on_sheet, write_images

ALIKE = (
    "a red bird",
    "A red bird",
    "a red bird!",
    "a  red bird",
    "a-red-bird",
    "a red bird ",
    "a_red_bird",
    "a red bird seed1 0",
    "a red bird-seed1-0",
    "sheet",
    "caption",
    "",
    "...",
    "!!!",
    "café",
    unicodedata.normalize("NFD", "café"),
    "किताब",
    "क त ब",
    "a " * 500 + "cat",
    "a " * 500 + "dog",
    "鳥" * 100,
    "鳥" * 100 + "犬",
    "../../escaped",
    "a\x00b",
    "a\ud800b",
)


def sample(caption: str, index: int = 0) -> GeneratedImage:
    image = np.full((8, 8, 3), index % 256, dtype=np.uint8)
    return GeneratedImage(caption=caption, words=(), seed=1, index=index, images=(image,), attention=())


def test_no_two_captions_share_a_name_on_any_file_system() -> None:
    names = [unicodedata.normalize("NFC", caption_name(caption)).casefold() for caption in ALIKE]
    assert len(set(names)) == len(ALIKE)
    for name in names:
        assert len(name.encode()) <= 140
        assert name.isprintable()
        assert os.path.basename(name) == name
        assert not name.startswith(".")


def test_plain_words_are_the_name() -> None:
    assert caption_name("a red bird with 2 blue wings") == "a-red-bird-with-2-blue-wings"


def test_all_are_written_and_each_path_is_given_once(tmp_path: Path) -> None:
    paths = list(write_images(map(sample, ALIKE), tmp_path, attention=False))
    assert len(set(paths)) == len(ALIKE) + 1
    assert {path.name for path in paths} == {path.name for path in tmp_path.iterdir()}


def test_an_image_is_on_the_disk_before_the_next_is_drawn(tmp_path: Path) -> None:
    def drawn() -> Iterator[GeneratedImage]:
        for index in range(3):
            assert len(list(tmp_path.glob("*.png"))) == index
            yield sample("a bird", index)

    assert len(list(write_images(drawn(), tmp_path, attention=False))) == 4


def test_the_sheet_shows_the_first_ones_only(tmp_path: Path) -> None:
    heights = []
    for count in (SHEET_IMAGES, SHEET_IMAGES + 30):
        samples = (sample("a bird", index) for index in range(count))
        *_, sheet = write_images(samples, tmp_path, attention=False)
        assert sheet == tmp_path / SHEET
        with Image.open(sheet) as image:
            heights.append(image.height)
    assert heights[0] == heights[1]


def test_the_sheet_shows_whole_captions() -> None:
    captions = [caption for caption in ("a", "b", "c", "d") for _ in range(20)]
    samples = [sample(caption, index) for index, caption in enumerate(captions)]
    assert [one.caption for one in on_sheet(samples)] == captions[:60]
    assert len(on_sheet(samples[:SHEET_IMAGES])) == SHEET_IMAGES
    assert len(on_sheet([sample("a", index) for index in range(80)])) == SHEET_IMAGES


def test_nothing_drawn_is_nothing_written(tmp_path: Path) -> None:
    assert list(write_images([], tmp_path / "new", attention=False)) == []


def test_an_error_of_what_draws_is_not_taken_for_one_of_the_folder(tmp_path: Path) -> None:
    def drawn() -> Iterator[GeneratedImage]:
        yield sample("a bird")
        raise FileNotFoundError(2, "No such file", "weights")

    with pytest.raises(FileNotFoundError):
        list(write_images(drawn(), tmp_path, attention=False))
    (tmp_path / "file").touch()
    with pytest.raises(RunError) as caught:
        list(write_images(itertools.repeat(sample("a bird"), 1), tmp_path / "file", attention=False))
    assert caught.value.problems[0].code == "images-not-written"
