"""Image files that are other things, larger than they inspect_header, or hold numbers of an unknown range."""

from __future__ import annotations

import json
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from attnforge.data.checks.checking import FolderReport, check_folder
from attnforge.data.checks.inspection import Inspection, inspect_header, inspect_image
from attnforge.data.images.decoding import decode
from attnforge.data.images.opening import open_image
from attnforge.data.images.stored import ImageFile
from attnforge.data.reading.rows import Row
from attnforge.errors import DataError, Problem

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"


def row(path: Path, *, box: tuple[float, float, float, float] | None = None) -> Row:
    return Row(path.name, ("a bird",), None, box, "train", 1)


def seen(path: Path) -> Inspection:
    return inspect_image(ImageFile(path), row(path))


def at_first_look(path: Path, **options: Any) -> str | None:
    """The code of what training refuses before it begins."""
    problems = inspect_header(ImageFile(path), row(path, **options))
    return problems[0].code if problems else None


def noise(*shape: int, most: float = 1.0, kind: str = "f4") -> np.ndarray:
    return (np.random.default_rng(0).random(shape) * most).astype(kind)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = b"".join(chunk(b"IDAT", piece) for piece in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (POSTSCRIPT, "PostScript"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\0\0\0\x20ftypavif" + bytes(40), "AVIF"),
        (b"\0\0\0\x20ftypheic" + bytes(40), "HEIF"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ],
)
def test_other_formats_are_named_and_never_opened(
    content: bytes, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_: Any, **__: Any) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr("subprocess.Popen.__init__", started)
    path = tmp_path / "a.png"
    path.write_bytes(content)
    (problem,) = seen(path).problems
    assert at_first_look(path) == problem.code == "image-format"
    assert kind in problem.message
    with pytest.raises(DataError, match=kind):
        decode(ImageFile(path))


@pytest.mark.parametrize("mode", ["PPM", "TGA", "PCX", "ICO", "SGI"])
def test_formats_that_pillow_knows_beside_are_refused(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (16, 16), "red").save(path, mode)
    assert at_first_look(path) in ("image-format", "broken-image")


def test_what_lies_behind_the_rows_of_a_png_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(
        png(64, 64, zlib.compress(noise(64, 65, most=255, kind="u1").tobytes() + bytes(300 << 20)))
    )
    tracemalloc.start()
    problems = seen(path).problems
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20
    assert [problem.code for problem in problems] in ([], ["broken-image"])


def test_a_damaged_second_piece_of_a_png_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    whole = zlib.compress(noise(64, 65, most=255, kind="u1").tobytes())
    path = tmp_path / "a.png"
    path.write_bytes(png(64, 64, whole[:2000], b"\xff" * (len(whole) - 2000)))
    assert [problem.code for problem in seen(path).problems] == ["broken-image"]


@pytest.mark.parametrize("name", ["a.png", "a.gif", "a.bmp", "a.tif", "a.webp", "a.jpg"])
def test_an_image_of_too_many_pixels_is_refused_by_its_header(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr("attnforge.data.images.opening.MAX_PIXELS", 99 * 100)
    path = tmp_path / name
    Image.new("L", (100, 100)).convert("RGB").save(path)
    (problem,) = seen(path).problems
    assert at_first_look(path) == problem.code == "image-too-large"
    assert "100 x 100" in problem.message
    assert not recwarn


def test_an_image_of_14000_by_13000_is_too_large_and_not_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(14_000, 13_000, zlib.compress(bytes(100))))
    assert at_first_look(path) == "image-too-large"


@pytest.mark.parametrize(
    ("kind", "most", "white"),
    [("f4", 1.0, 1), ("f4", 255.0, 255), ("f4", 65535.0, 65535), ("i4", 255.0, 255), ("i4", 65535.0, 65535)],
)
def test_a_range_that_the_type_leaves_open_is_guessed_and_reported(
    kind: str, most: float, white: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(noise(32, 32, most=most, kind=kind)).save(path)
    lightest = max(high for _, high in open_image(ImageFile(path)).getextrema())  # type: ignore[misc,union-attr]
    assert lightest > 240
    (remark,) = seen(path).remarks
    assert remark.code == "pixel-range"
    assert f"assuming {white:,}" in remark.message


def test_sixteen_bits_are_no_guess(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(noise(32, 32, most=65535, kind="u2")).save(path)
    assert seen(path).remarks == ()


@pytest.mark.parametrize("values", [noise(8, 8) - 0.5, noise(8, 8) * 1e6, np.full((8, 8), np.nan, "f4")])
def test_numbers_of_no_range_are_refused(values: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(values.astype("f4")).save(path)
    assert [problem.code for problem in seen(path).problems] == ["pixel-range"]
    with pytest.raises(DataError) as caught:
        open_image(ImageFile(path))
    assert caught.value.problems[0].code == "pixel-range"


@pytest.mark.parametrize("values", [np.zeros((8, 8), "u1"), noise(8, 8, most=4095, kind="u2")])
def test_an_image_without_contrast_is_a_remark(values: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(values).save(path)
    assert [remark.code for remark in seen(path).remarks] == ["no-contrast"]


def test_a_box_outside_a_turned_image_is_found_at_the_first_look(tmp_path: Path) -> None:
    image, path = Image.fromarray(noise(40, 80, 3, most=255, kind="u1")), tmp_path / "a.jpg"
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)
    assert at_first_look(path, box=(50, 5, 10, 10)) == "bad-box"
    assert at_first_look(path, box=(5, 50, 10, 10)) is None


def folder(root: Path, *lines: dict[str, Any]) -> FolderReport:
    for line in lines:
        Image.fromarray(noise(16, 16, 3, most=255, kind="u1")).save(root / line["file_name"])
    (root / "metadata.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return check_folder(root)


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.code for problem in problems]


def test_what_training_refuses_the_check_names(tmp_path: Path) -> None:
    one_split = folder(
        tmp_path,
        {"file_name": "a.png", "text": "👍", "split": "train", "class_id": 1},
        {"file_name": "b.png", "captions": ["a bird", "..."], "split": "train", "class_id": 1},
    )
    assert codes(one_split.problems) == ["empty-split", "wordless-caption"]
    assert codes(one_split.remarks) == ["single-class", "few-images", "small-images", "wordless-caption"]
    assert "train: 2" in one_split.problems[0].message


def test_scripts_without_spaces_point_to_other_tokenizers(tmp_path: Path) -> None:
    report = folder(
        tmp_path, {"file_name": "a.png", "text": "红色的鸟"}, {"file_name": "b.png", "text": "a bird"}
    )
    (remark,) = (remark for remark in report.remarks if remark.code == "unspaced-script")
    assert "1 of 2 captions" in remark.message
    assert "sentencepiece" in str(remark.expected)
    assert report.problems == ()


def test_images_that_no_line_names_are_a_remark(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "c.png")
    (tmp_path / "notes.txt").write_text("x")
    report = folder(tmp_path, *({"file_name": name, "text": "a bird"} for name in ("a.png", "b.png")))
    (remark,) = (remark for remark in report.remarks if remark.code == "unnamed-images")
    assert "c.png" in remark.message


def test_a_png_that_ends_early_in_a_tidy_way_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(64, 64, zlib.compress(b"\0" + noise(64, most=255, kind="u1").tobytes())))
    (problem,) = seen(path).problems
    assert (problem.code, "last 63 rows" in problem.message) == ("broken-image", True)
