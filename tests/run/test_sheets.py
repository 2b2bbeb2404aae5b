"""Sheets show every image, and light up what a word attends to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from attnforge.sampling.generated import GeneratedImage
from attnforge.sheets.figure import stage_row
from attnforge.sheets.marking import LINE
from attnforge.sheets.pages import attention_sheet, contact_sheet, highlight

RED, GREEN, BLUE = (230, 20, 20), (20, 200, 20), (20, 20, 230)


def plain(side: int, colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((side, side, 3), colour, dtype=np.uint8)


def corner(side: int, count: int, strong: int) -> np.ndarray:
    """Maps in which word `strong` has the upper left quarter and the others share the rest."""
    weights = np.full((count, side, side), 1 / count, dtype=np.float32)
    weights[:, : side // 2, : side // 2] = 0.05 / (count - 1)
    weights[strong, : side // 2, : side // 2] = 0.95
    return weights


def sample(caption: str = "a red bird", words: tuple[str, ...] = ("a", "red", "bird")) -> GeneratedImage:
    maps = (corner(8, len(words), 1), corner(16, len(words), 1))
    images = (plain(16, RED), plain(32, GREEN), plain(64, BLUE))
    return GeneratedImage(caption=caption, words=words, seed=1, index=0, images=images, attention=maps)


def with_regions() -> GeneratedImage:
    """The same, with word 2 in one of four regions."""
    regions = np.full((3, 2, 2), 0.25, dtype=np.float32)
    regions[2] = [[0, 1], [0, 0]]
    return replace(sample(), regions=regions)


def colours(path: Path) -> set[tuple[int, int, int]]:
    with Image.open(path) as sheet:
        found = sheet.convert("RGB").getcolors(maxcolors=1 << 24)
    assert found is not None
    return {colour for _, colour in found}  # type: ignore[misc]


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as sheet:
        assert sheet.format == "PNG"
        return sheet.size


def test_contact_sheet_shows_the_steps_of_a_search_in_as_many_rows_as_they_need(tmp_path: Path) -> None:
    few = replace(sample(), steps={0: plain(64, RED), 5: plain(64, GREEN)})
    path = contact_sheet([few], tmp_path / "few.png", side=64)
    assert {RED, GREEN} <= colours(path)
    assert BLUE not in colours(path)
    many = replace(sample(), steps={number: plain(64, BLUE) for number in range(9)})
    wide = contact_sheet([many], tmp_path / "many.png", side=64)
    assert size(wide)[0] > 8 * 64
    assert size(wide)[1] > size(path)[1] + 64


def test_contact_sheet_shows_every_stage(tmp_path: Path) -> None:
    path = contact_sheet([sample()], tmp_path / "sheet.png")
    assert {RED, GREEN, BLUE} <= colours(path)


def test_contact_sheet_grows_by_a_row_for_each_caption(tmp_path: Path) -> None:
    captions = ("a red bird", "a green bird", "a blue bird")
    one = size(contact_sheet([sample()], tmp_path / "one.png", side=64))
    three = size(contact_sheet(list(map(sample, captions)), tmp_path / "three.png", side=64))
    assert three[0] == one[0]
    assert three[1] > one[1] + 2 * 64


def test_images_of_a_caption_stand_side_by_side_at_most_eight(tmp_path: Path) -> None:
    shades = [(0, 0, 25 * number) for number in range(9)]
    group = [replace(sample(), images=(plain(16, RED), plain(64, shade))) for shade in shades]
    with Image.open(contact_sheet([*group, sample("another")], tmp_path / "sheet.png", side=64)) as sheet:
        assert sheet.width == 12 + 8 * 76
        first = [sheet.getpixel((12 + 32 + column * 76, 44)) for column in range(8)]
        second = sheet.getpixel((44, 12 + 64 + 12 + 32))
    assert [*first, second] == shades
    assert {RED, GREEN, BLUE} <= colours(tmp_path / "sheet.png"), "the stages of the caption with one image"
    box = {"box": np.float32([0.25, 0.5, 0.5, 0.25])}
    placed = contact_sheet([replace(one, extras=box) for one in group[:2]], tmp_path / "placed.png", side=64)
    with Image.open(placed) as sheet:
        assert sheet.getpixel((12 + 16, 12 + 64 + 12 + 32)) == LINE
        assert sheet.getpixel((12 + 16, 12 + 32)) == shades[0]


def test_stages_stand_from_left_to_right(tmp_path: Path) -> None:
    with Image.open(contact_sheet([sample()], tmp_path / "sheet.png", side=64)) as sheet:
        middle = [sheet.getpixel((12 + 32 + stage * 76, 44)) for stage in range(3)]
    assert middle == [RED, GREEN, BLUE]


def test_a_place_is_drawn_over_a_copy_of_the_last_stage(tmp_path: Path) -> None:
    box, points = np.float32([0.25, 0.5, 0.5, 0.25]), np.float32([[0.5, 0.25, 1], [0.75, 0.25, 0]])
    placed = replace(sample(), extras={"box": box, "keypoints": points})
    path = contact_sheet([placed], tmp_path / "sheet.png", side=64)
    assert size(path)[0] == size(contact_sheet([sample()], tmp_path / "plain.png", side=64))[0] + 76
    with Image.open(path) as sheet:
        tile = sheet.crop((12 + 3 * 76, 12, 12 + 3 * 76 + 64, 12 + 64)).convert("RGB")
    assert tile.getpixel((2, 2)) == BLUE
    assert tile.getpixel((16, 32)) == tile.getpixel((47, 47)) == LINE, "corners of the box"
    assert tile.getpixel((32, 16)) == LINE, "the visible point"
    assert tile.getpixel((47, 16)) == BLUE, "the invisible point"


def test_a_long_caption_is_wrapped_and_never_widens_the_sheet(tmp_path: Path) -> None:
    short = size(contact_sheet([sample()], tmp_path / "short.png"))
    long = size(contact_sheet([sample("this bird is red " * 12)], tmp_path / "long.png"))
    endless = size(contact_sheet([sample("x" * 4000)], tmp_path / "endless.png"))
    assert long[0] == short[0] == endless[0]
    assert long[1] > short[1] == endless[1]


@pytest.mark.parametrize("caption", ["", "ein Vögelchen", "一只红色的鸟", "a\x00b\nc"])
def test_any_caption_can_be_written(tmp_path: Path, caption: str) -> None:
    assert size(contact_sheet([sample(caption)], tmp_path / "sheet.png"))[1] > 160


def test_a_sheet_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([], tmp_path / "sheet.png")


def test_attention_sheet_has_a_row_for_every_attending_stage_and_one_for_regions(tmp_path: Path) -> None:
    stages = size(contact_sheet([sample()], tmp_path / "stages.png", side=64))
    two = size(attention_sheet(sample(), tmp_path / "two.png", side=64))
    three = size(attention_sheet(with_regions(), tmp_path / "three.png", side=64))
    assert two[1] > stages[1] + 2 * 64
    assert three[1] - two[1] == (two[1] - stages[1]) / 2
    assert three[0] == two[0]


def test_attention_sheet_keeps_to_the_strongest_words(tmp_path: Path) -> None:
    many = sample("a b c d e f g", tuple("abcdefg"))
    narrow = size(attention_sheet(many, tmp_path / "two.png", top=2))
    five = size(attention_sheet(many, tmp_path / "five.png"))
    wide = size(attention_sheet(many, tmp_path / "seven.png", top=7))
    assert wide[0] > five[0] > narrow[0]
    assert wide[1] == narrow[1]


def test_the_strongest_word_stands_first_and_lights_up_its_pixels(tmp_path: Path) -> None:
    """Word 2 has the upper left quarter, word 0 the lower right one with less weight."""
    weights = np.full((3, 8, 8), 1 / 3, dtype=np.float32)
    weights[:, :4, :4] = np.array([0.1, 0.1, 0.8])[:, None, None]
    weights[:, 4:, 4:] = np.array([0.5, 0.3, 0.2])[:, None, None]
    grey = plain(64, (200, 200, 200))
    one = GeneratedImage("a red bird", ("a", "red", "bird"), 1, 0, (grey,), (weights,))
    with Image.open(attention_sheet(one, tmp_path / "sheet.png", side=64)) as sheet:
        pixels = np.asarray(sheet.convert("L"), dtype=int)
    bottom = pixels.shape[0] - 12 - 64
    tiles = [pixels[bottom : bottom + 64, 12 + place * 76 :][:64, :64] for place in range(3)]
    assert [tile[8, 8] > 195 for tile in tiles] == [True, False, False]
    assert [tile[56, 56] > 120 for tile in tiles] == [False, True, False]
    assert max(tile[8, 56] for tile in tiles) < 40


def test_labels_give_the_place_of_a_word_and_its_contrast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    text = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda pen, place, words, **options: said.append(words) or text(pen, place, words, **options),
    )
    attention_sheet(with_regions(), tmp_path / "sheet.png")
    # a quarter of the pixels gives word 1 0.95, on average 0.4875; three quarters are even
    assert [words for words in said if ":" in words and "%" in words] == [
        *("1:red  12%", "0:a  6%", "2:bird  6%") * 2,
        *("2:bird  75%", "0:a  0%", "1:red  0%"),
    ]


@pytest.mark.parametrize(
    ("image", "shown"), [(16, 160), (32, 160), (64, 192), (128, 256), (256, 256), (512, 256)]
)
def test_images_are_shown_at_a_whole_multiple_or_at_256_pixels(
    tmp_path: Path, image: int, shown: int
) -> None:
    weights = np.full((2, 4, 4), 0.5, dtype=np.float32)
    one = GeneratedImage("a bird", ("a", "bird"), 1, 0, (plain(image, RED),), (weights,))
    assert size(attention_sheet(one, tmp_path / "sheet.png"))[0] == 2 * (shown + 12) + 12


def test_attention_sheet_without_maps_shows_the_stages(tmp_path: Path) -> None:
    bare = GeneratedImage(caption="a", words=("a",), seed=1, index=0, images=(plain(16, RED),), attention=())
    assert RED in colours(attention_sheet(bare, tmp_path / "sheet.png"))


def test_light_falls_where_the_word_is_attended_to() -> None:
    row = stage_row(plain(64, (200, 200, 200)), corner(16, 3, 1))
    (shown,) = highlight(row, [1], side=64)
    assert shown.shape == (64, 64, 3)
    assert shown[8, 8].min() > 190
    assert shown[56, 56].max() < 40


def test_words_of_a_row_share_one_scale() -> None:
    weights = np.zeros((4, 8, 8), dtype=np.float32)
    weights[0], weights[1] = 0.8, 0.4
    strong, weak = highlight(stage_row(plain(32, (100, 100, 100)), weights), [0, 1], side=32, dark=0.2)
    assert set(strong.flat) == {100}
    assert set(weak.flat) == {60}


def test_a_row_without_any_weight_is_dark() -> None:
    row = stage_row(plain(32, (100, 100, 100)), np.full((2, 8, 8), 0.5, dtype=np.float32))
    for shown in highlight(row, [0, 1], side=32, dark=0.2):
        assert set(shown.flat) == {20}
    assert highlight(row, [], side=32) == []
