"""Every file gives the pixels that Pillow gives, whichever way they are decoded."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from photographs import photograph

from attnforge.data.images import decoding
from attnforge.data.images.decoding import decode
from attnforge.data.images.jpeg import jpeg_damage, jpeg_pixels
from attnforge.data.images.opening import open_image
from attnforge.data.images.stored import ImageFile
from attnforge.errors import DataError


def same(path: Path) -> bool:
    pixels = decode(ImageFile(path))
    assert pixels.dtype == torch.uint8
    return np.array_equal(pixels[0].permute(1, 2, 0).numpy(), np.array(open_image(ImageFile(path))))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 30}])
def test_jpegs_of_every_kind(tmp_path: Path, mode: str, options: dict[str, int]) -> None:
    photograph(67, 45).convert(mode).save(tmp_path / "a.jpg", **options)
    assert same(tmp_path / "a.jpg")


@pytest.mark.parametrize("turn", range(1, 9))
def test_turned_photographs_are_set_upright(tmp_path: Path, turn: int) -> None:
    image = photograph(40, 24)
    exif = image.getexif()
    exif[0x0112] = turn
    image.save(tmp_path / "a.jpg", exif=exif)
    assert same(tmp_path / "a.jpg")
    assert decode(ImageFile(tmp_path / "a.jpg")).shape[-2:] == ((24, 40) if turn < 5 else (40, 24))


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.bmp", "a.gif"])
def test_other_formats(tmp_path: Path, name: str) -> None:
    photograph(33, 21).save(tmp_path / name)
    assert same(tmp_path / name)


def test_bytes_behind_the_end_of_a_jpeg_do_no_harm(tmp_path: Path) -> None:
    photograph(33, 21).save(tmp_path / "a.jpg")
    whole = decode(ImageFile(tmp_path / "a.jpg"))
    with (tmp_path / "a.jpg").open("ab") as opened:
        opened.write(b"written by a camera")
    assert torch.equal(decode(ImageFile(tmp_path / "a.jpg")), whole)


def test_a_jpeg_that_ends_early_is_named(tmp_path: Path) -> None:
    photograph(64, 64).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    for broken in (data[:-400], data[:30], data[:-400] + b"\xff\xd9"[:1]):
        (tmp_path / "a.jpg").write_bytes(broken)
        with pytest.raises(DataError, match=r"a\.jpg") as caught:
            decode(ImageFile(tmp_path / "a.jpg"))
        assert caught.value.problems[0].code == "broken-image"


def test_a_jpeg_of_absurd_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    photograph(64, 64).save(tmp_path / "a.jpg")
    data = bytearray((tmp_path / "a.jpg").read_bytes())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = b"\xff\xf0\xff\xf0"
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(DataError) as caught:
        decode(ImageFile(tmp_path / "a.jpg"))
    assert caught.value.problems[0].code == "image-too-large"


def test_plain_jpegs_do_not_take_the_long_way(tmp_path: Path) -> None:
    photograph(64, 64).save(tmp_path / "a.jpg")
    with patch.object(decoding, "open_image", side_effect=AssertionError("the long way")):
        decode(ImageFile(tmp_path / "a.jpg"))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00", b"\xff\xd8" + b"\xff" * 40])
def test_what_is_no_jpeg_has_no_pixels(data: bytes) -> None:
    assert jpeg_pixels(data) is None


def test_damage_in_the_middle_is_found_though_pillow_passes_over_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    photograph(120, 90).save(path)
    whole = path.read_bytes()
    assert jpeg_damage(whole) is None
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes(60) + whole[middle + 60 :])
    open_image(ImageFile(path))
    assert jpeg_damage(path.read_bytes())
    assert same(path)
