"""Sheets show every picture, and light up what a word attends to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnforge.run.drawing import Drawing
from attnforge.run.sheets import attending, attention_sheet, contact_sheet, lit

RED, GREEN, BLUE = (230, 20, 20), (20, 200, 20), (20, 20, 230)


def plain(side: int, colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((side, side, 3), colour, dtype=np.uint8)


def corner(side: int, count: int, strong: int) -> np.ndarray:
    """Maps in which word `strong` has the upper left quarter and the others share the rest."""
    weights = np.full((count, side, side), 1 / count, dtype=np.float32)
    weights[:, : side // 2, : side // 2] = 0.05 / (count - 1)
    weights[strong, : side // 2, : side // 2] = 0.95
    return weights


def drawing(caption: str = "a red bird", words: tuple[str, ...] = ("a", "red", "bird")) -> Drawing:
    maps = (corner(8, len(words), 1), corner(16, len(words), 1))
    images = (plain(16, RED), plain(32, GREEN), plain(64, BLUE))
    return Drawing(caption=caption, words=words, seed=1, index=0, images=images, attention=maps)


def colours(path: Path) -> set[tuple[int, int, int]]:
    with Image.open(path) as sheet:
        found = sheet.convert("RGB").getcolors(maxcolors=1 << 24)
    assert found is not None
    return {colour for _, colour in found}  # type: ignore[misc]


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as sheet:
        assert sheet.format == "PNG"
        return sheet.size


def test_contact_sheet_shows_every_stage(tmp_path: Path) -> None:
    path = contact_sheet([drawing()], tmp_path / "sheet.png")
    assert {RED, GREEN, BLUE} <= colours(path)


def test_contact_sheet_grows_by_a_row_for_each_drawing(tmp_path: Path) -> None:
    one = size(contact_sheet([drawing()], tmp_path / "one.png", side=64))
    three = size(contact_sheet([drawing()] * 3, tmp_path / "three.png", side=64))
    assert three[0] == one[0]
    assert three[1] > one[1] + 2 * 64


def test_stages_stand_from_left_to_right(tmp_path: Path) -> None:
    with Image.open(contact_sheet([drawing()], tmp_path / "sheet.png", side=64)) as sheet:
        middle = [sheet.getpixel((12 + 32 + stage * 76, 44)) for stage in range(3)]
    assert middle == [RED, GREEN, BLUE]


def test_a_long_caption_is_wrapped_and_never_widens_the_sheet(tmp_path: Path) -> None:
    short = size(contact_sheet([drawing()], tmp_path / "short.png"))
    long = size(contact_sheet([drawing("this bird is red " * 12)], tmp_path / "long.png"))
    endless = size(contact_sheet([drawing("x" * 4000)], tmp_path / "endless.png"))
    assert long[0] == short[0] == endless[0]
    assert long[1] > short[1] == endless[1]


@pytest.mark.parametrize("caption", ["", "ein Vögelchen", "一只红色的鸟", "a\x00b\nc"])
def test_any_caption_can_be_written(tmp_path: Path, caption: str) -> None:
    assert size(contact_sheet([drawing(caption)], tmp_path / "sheet.png"))[1] > 160


def test_no_drawing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([], tmp_path / "sheet.png")


def test_attention_sheet_has_a_row_for_every_attending_stage(tmp_path: Path) -> None:
    stages = size(contact_sheet([drawing()], tmp_path / "stages.png"))
    full = size(attention_sheet(drawing(), tmp_path / "full.png"))
    assert full[1] > stages[1] + 2 * 160


def test_attention_sheet_keeps_to_the_strongest_words(tmp_path: Path) -> None:
    many = drawing("a b c d e f g", tuple("abcdefg"))
    narrow = size(attention_sheet(many, tmp_path / "two.png", top=2))
    wide = size(attention_sheet(many, tmp_path / "seven.png", top=7))
    assert wide[0] > narrow[0]
    assert wide[1] == narrow[1]


def test_attention_sheet_without_maps_shows_the_stages(tmp_path: Path) -> None:
    bare = Drawing(caption="a", words=("a",), seed=1, index=0, images=(plain(16, RED),), attention=())
    assert RED in colours(attention_sheet(bare, tmp_path / "sheet.png"))


def test_the_last_stages_are_those_that_attend() -> None:
    assert [image.shape[0] for image, _ in attending(drawing())] == [32, 64]


def test_light_falls_where_the_word_is_attended_to() -> None:
    picture = plain(64, (200, 200, 200))
    shown = lit(picture, corner(16, 3, 1)[1], side=64).astype(int)
    assert shown[8, 8].min() > 190
    assert shown[56, 56].max() < 130


@pytest.mark.parametrize("value", [0.0, 1e-30, 1.0])
def test_an_even_map_lights_evenly(value: float) -> None:
    shown = lit(plain(32, (100, 100, 100)), np.full((8, 8), value, dtype=np.float32), side=32)
    assert shown.min() == shown.max()
    assert (shown.max() == 100) == (value > 0)
