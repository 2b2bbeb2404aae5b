"""Images of every mode open as upright RGB; damaged ones are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnforge.data.images.opening import open_image
from attnforge.data.images.png import missing_rows
from attnforge.data.images.stored import ImageFile
from attnforge.errors import DataError, Place

ORANGE = (250, 120, 10)


def close(image: Image.Image, expected: tuple[int, int, int], at: tuple[int, int] = (2, 2)) -> bool:
    shown = image.getpixel(at)
    assert isinstance(shown, tuple)
    return max(abs(one - other) for one, other in zip(shown, expected, strict=True)) <= 6


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("RGB", "a.png"),
        ("RGBA", "a.png"),
        ("P", "a.png"),
        ("P", "a.gif"),
        ("CMYK", "a.tif"),
        ("CMYK", "a.jpg"),
        ("YCbCr", "a.jpg"),
        ("RGB", "a.bmp"),
        ("RGB", "a.webp"),
        ("RGBA", "a.webp"),
    ],
)
def test_colour_survives_every_mode(tmp_path: Path, mode: str, name: str) -> None:
    plain = Image.new("RGB", (8, 8), ORANGE)
    converted = plain.quantize(4) if mode == "P" else plain.convert(mode)
    converted.save(tmp_path / name, quality=95)
    opened = open_image(ImageFile(tmp_path / name))
    assert opened.mode == "RGB"
    assert close(opened, ORANGE)


@pytest.mark.parametrize(
    ("mode", "value"), [("1", 1), ("L", 200), ("I;16", 51400), ("I", 51400), ("F", 0.784)]
)
def test_greys_of_every_depth_keep_their_lightness(tmp_path: Path, mode: str, value: float) -> None:
    kind = {"1": bool, "L": np.uint8, "I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
    Image.fromarray(np.full((8, 8), value, dtype=kind)).save(tmp_path / "a.tif")
    expected = 255 if mode == "1" else 200
    assert close(open_image(ImageFile(tmp_path / "a.tif")), (expected, expected, expected))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_shows_the_background_and_not_black(tmp_path: Path, mode: str) -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    if mode == "P":
        palette = Image.new("P", (8, 8), 0)
        palette.putpalette([0, 0, 0, 255, 0, 0])
        palette.save(tmp_path / "a.png", transparency=0)
    else:
        clear.convert(mode).save(tmp_path / "a.png")
    assert close(open_image(ImageFile(tmp_path / "a.png")), (255, 255, 255))
    assert close(open_image(ImageFile(tmp_path / "a.png"), background="#1020f0"), (16, 32, 240))


def test_half_transparent_pixels_are_mixed(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 0, 0, 128)).save(tmp_path / "a.png")
    assert close(open_image(ImageFile(tmp_path / "a.png")), (255, 127, 127))


def test_a_turned_photograph_is_set_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (8, 4), "blue")
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    assert open_image(ImageFile(tmp_path / "a.jpg")).size == (4, 8)


def broken_files(path: Path) -> list[Path]:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = path / "whole.jpg"
    Image.fromarray(noise).save(whole)
    contents = {
        "empty.png": b"",
        "page.jpg": b"<html>not found</html>",
        "short.jpg": whole.read_bytes()[:900],
        "header.png": b"\x89PNG\r\n\x1a\n",
    }
    for name, content in contents.items():
        (path / name).write_bytes(content)
    return [path / name for name in contents]


def test_damaged_files_are_named_with_their_place(tmp_path: Path) -> None:
    for path in [*broken_files(tmp_path), tmp_path]:
        with pytest.raises(DataError, match=path.name) as caught:
            open_image(ImageFile(path), place=Place("metadata.jsonl", 7))
        expected = "image-format" if path.name == "page.jpg" else "broken-image"
        assert caught.value.problems[0].code == expected
        assert "metadata.jsonl:7" in str(caught.value)
    with pytest.raises(DataError) as caught:
        open_image(ImageFile(tmp_path / "none.png"))
    assert caught.value.problems[0].code == "missing-file"


def test_a_background_that_is_no_colour_is_refused(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(DataError) as caught:
        open_image(ImageFile(tmp_path / "a.png"), background="greenish")
    assert caught.value.problems[0].code == "bad-colour"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_whole_png_lacks_no_rows(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (13, 9)).save(tmp_path / "a.png")
    assert missing_rows((tmp_path / "a.png").read_bytes()) == 0


def test_a_png_that_ends_early_lacks_rows(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    one_row = zlib.compress(b"\0" + bytes(64 * 3))
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", one_row) + chunk(b"IEND", b"")
    )
    assert missing_rows(path.read_bytes()) == 63
