"""Reads a folder in the layout of AttnGAN's birds release and reports every problem in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from attnforge.data.reading.fields import SPLITS, Box, read_box
from attnforge.data.reading.findings import Findings
from attnforge.data.reading.metadata import Metadata
from attnforge.data.reading.official import has_names, names_file, read_captions, read_classes, read_names
from attnforge.data.reading.rows import Row

IMAGES = "lines such as `1 001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg`"
BOXES = "lines such as `1 60.0 27.0 325.0 304.0`: left, top, width and height in pixels"
SPLIT = "lines such as `1 1`, where 1 stands for train and 0 for test"


def read_release(root: Path, *, splits: Sequence[str] = SPLITS, boxes: bool = True) -> Metadata:
    """Read the metadata of a folder of birds and collect its problems; invalid content never raises.

    Args:
        root: The folder with CUB_200_2011 and text.
        splits: Which of `train` and `test` are read.
        boxes: Read bounding_boxes.txt.
    """
    found = Findings("cub", root)
    base = root / "CUB_200_2011"
    source = base / "images.txt"
    if not base.is_dir():
        code, message = "no-folder", f"there is no folder {base}"
        found.problem(code=code, message=message, at=base, expected="CUB_200_2011 with images.txt and images")
        return found.metadata([], source=source)
    listed = numbered_lines(found, source, IMAGES)
    images = {
        name.rsplit(".", 1)[0]: (number, name, line)
        for number, (name, line) in listed.items()
        if found.inside(name, at=source, line=line)
    }
    box_of = _boxes(found, base / "bounding_boxes.txt") if boxes else {}
    # classes are numbered in the order of their folders' names, as CUB itself does
    folders = sorted({name.split("/")[0] for name in images})
    rows = []
    for split in splits:
        names = _names(found, split, images, base)
        classes = read_classes(found, split, len(names)) if has_names(root) else None
        known = [index for index, name in enumerate(names) if _is_listed(found, split, name, images)]
        captions = read_captions(found, split, names)
        for index in known:
            name = names[index]
            number, file_name, line = images[name]
            if boxes and number not in box_of and box_of:
                message = f"no box for image {number}, {file_name}"
                at = base / "bounding_boxes.txt"
                found.problem(code="bad-box", message=message, at=at, expected=BOXES)
            folder_class = folders.index(name.split("/")[0]) + 1
            rows.append(
                Row(
                    file_name=f"CUB_200_2011/images/{file_name}",
                    captions=captions[index],
                    class_id=classes[index] if classes else folder_class,
                    box=box_of.get(number),
                    split=split,
                    line=line,
                )
            )
    existing = found.with_images(rows, at=source, folder=base / "images")
    return found.metadata([row for row in existing if row.captions], source=source, splits=splits)


def image_numbers(findings: Findings, path: Path) -> dict[str, str]:
    """The number of each image, by its name in `images.txt`."""
    return {name: number for number, (name, _) in numbered_lines(findings, path, IMAGES).items()}


def _names(found: Findings, split: str, images: dict[str, tuple[str, str, int]], base: Path) -> list[str]:
    """The names of a split: from AttnGAN's pickle, or from CUB's own list when there is no pickle."""
    if has_names(found.root):
        return read_names(found, split)
    path = base / "train_test_split.txt"
    if not path.is_file():
        message = f"the images of split {split} are not defined"
        expected = f"{names_file(found.root, split)}, or {path}"
        found.problem(code="missing-file", message=message, at=path, expected=expected)
        return []
    chosen = {"train": "1", "test": "0"}[split]
    lines = numbered_lines(found, path, SPLIT)
    return [name for name, (number, _, _) in images.items() if lines.get(number, ("", 0))[0] == chosen]


def _is_listed(found: Findings, split: str, name: str, images: dict[str, tuple[str, str, int]]) -> bool:
    if name not in images and images:
        message = f"image {name} is not in CUB_200_2011/images.txt"
        at = names_file(found.root, split)
        found.problem(code="bad-release", message=message, at=at, expected="the names of images.txt")
    return name in images


def _boxes(found: Findings, path: Path) -> dict[str, Box]:
    boxes = {}
    for number, (text, line) in numbered_lines(found, path, BOXES).items():
        field = read_box({"bbox": text})
        if field.value is None:
            message = f"the box of image {number} is {text!r}"
            found.problem(code="bad-box", message=message, at=path, line=line, expected=BOXES)
        else:
            boxes[number] = field.value
    return boxes


def numbered_lines(found: Findings, path: Path, expected: str) -> dict[str, tuple[str, int]]:
    """The text after each image's number, and its line; images are matched by number, not by row."""
    text = found.text(path, expected=expected)
    if text is None:
        return {}
    values: dict[str, tuple[str, int]] = {}
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        number, _, value = content.strip().partition(" ")
        if not number.isdigit() or not value.strip():
            message = f"malformed line {content.strip()!r}"
            found.problem(code="bad-release", message=message, at=path, line=line, expected=expected)
        elif number in values:
            message = f"image {number} is already in line {values[number][1]}"
            found.problem(code="bad-release", message=message, at=path, line=line, expected=expected)
        else:
            values[number] = (value.strip(), line)
    if not values:
        found.problem(code="bad-release", message="it has no images", at=path, expected=expected)
    return values
