"""Reads the key points of CUB's birds: `parts/parts.txt` names them, `parts/part_locs.txt` places them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from attnforge.data.places import mirror_exchange
from attnforge.data.reading.fields import MAX_BOX_PIXELS
from attnforge.data.reading.findings import Findings
from attnforge.data.reading.keypoints import Keypoints
from attnforge.data.reading.metadata import Metadata
from attnforge.data.reading.rows import Rows
from attnforge_cub.release import image_numbers, numbered_lines, read_release

COUNT = 15
"""Parts of every bird."""
PARTS = "lines such as `7 left eye`, one for each of the 15 parts, in their order"
PLACES = "lines such as `1 2 312.0 182.0 1`: image, part, x and y in pixels, and 1 where it is visible or 0"
FIELDS = ("the image", "the part", "x", "y", "visible")


def checked_release(root: Path) -> Metadata:
    """Read the metadata of a folder of birds, with the problems of everything that a recipe may use.

    Key points are checked where their file exists.
    """
    metadata = read_release(root)
    if not (root / "CUB_200_2011" / "parts" / "part_locs.txt").is_file():
        return metadata
    findings = Findings("cub", root)
    find_keypoints(findings, metadata.rows)
    return replace(metadata, problems=(*metadata.problems, *findings.problems))


def read_keypoints(root: Path, metadata: Metadata, *, exchange: bool = True) -> Keypoints:
    """The key points of the images of some metadata.

    Args:
        root: The folder with CUB_200_2011.
        metadata: The images.
        exchange: Whether left and right parts change places in mirror images.

    Raises:
        DataError: A file is missing or malformed, with the first problems by line and column.
    """
    findings = Findings("cub", root)
    keypoints = find_keypoints(findings, metadata.rows, exchange=exchange)
    findings.metadata(metadata.rows, source=metadata.source).usable()
    return keypoints


def find_keypoints(findings: Findings, rows: Rows, *, exchange: bool = True) -> Keypoints:
    """The key points of some rows, with every problem of their files added to the findings."""
    base = findings.root / "CUB_200_2011"
    names = _names(findings, base / "parts" / "parts.txt")
    numbers = image_numbers(findings, base / "images.txt")
    row_of = {
        numbers[name]: row
        for row, name in enumerate(path.removeprefix("CUB_200_2011/images/") for path in rows.file_names)
        if name in numbers
    }
    points = _points(findings, base / "parts" / "part_locs.txt", row_of, set(numbers.values()), len(rows))
    return Keypoints(names, points, mirror_exchange(names) if exchange else None)


def _names(findings: Findings, path: Path) -> tuple[str, ...]:
    lines = numbered_lines(findings, path, PARTS)
    names = tuple(name for name, _ in lines.values())
    if lines and list(lines) != [str(number) for number in range(1, COUNT + 1)]:
        message = f"it does not name parts 1 to {COUNT}"
        findings.problem(code="bad-release", message=message, at=path, expected=PARTS)
    return names


def _points(
    findings: Findings, path: Path, row_of: dict[str, int], numbers: set[str], rows: int
) -> Float32[np.ndarray, "rows p 3"]:
    points = np.zeros((rows, COUNT, 3), dtype=np.float32)
    text = findings.text(path, expected=PLACES)
    if text is None:
        return points
    placed = np.zeros((rows, COUNT), dtype=bool)
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        fields = content.split()
        if wrong := _wrong_field(fields, numbers):
            number, what = wrong
            starts = [match.start() + 1 for match in re.finditer(r"\S+", content)]
            column = starts[number] if number < len(starts) else len(content.rstrip()) + 1
            findings.problem(
                code="bad-keypoints", message=what, at=path, line=line, column=column,
                excerpt=content[:120], expected=PLACES,
            )  # fmt: skip
            continue
        if (row := row_of.get(fields[0])) is None:
            continue  # an image of another split
        part = int(fields[1]) - 1
        if placed[row, part]:
            message = f"part {fields[1]} of image {fields[0]} is already placed in a line before"
            findings.problem(code="bad-keypoints", message=message, at=path, line=line, expected=PLACES)
        placed[row, part] = True
        points[row, part] = [float(field) for field in fields[2:]]
    for image, row in row_of.items():
        if placed[row].all():
            continue
        missing = ", ".join(str(part + 1) for part in np.flatnonzero(~placed[row]))
        message = f"image {image} lacks the parts {missing}"
        findings.problem(code="bad-keypoints", message=message, at=path, expected=PLACES)
    return points


def _wrong_field(fields: list[str], numbers: set[str]) -> tuple[int, str] | None:
    """The first field of a line that is wrong, counted from 0, and what is wrong with it."""
    if len(fields) != len(FIELDS):
        number = min(len(fields), len(FIELDS))
        return number, f"the line has {len(fields)} fields, not {len(FIELDS)}"
    if fields[0] not in numbers:
        return 0, f"image {fields[0]!r} is not in CUB_200_2011/images.txt"
    if not (fields[1].isascii() and fields[1].isdigit() and 1 <= int(fields[1]) <= COUNT):
        return 1, f"part {fields[1]!r} is none of 1 to {COUNT}"
    for number in (2, 3):
        if not _is_position(fields[number]):
            return number, f"{FIELDS[number]} is {fields[number]!r}, which is not a position in an image"
    if fields[4] not in ("0", "1"):
        return 4, f"visible is {fields[4]!r}, which is neither 0 nor 1"
    return None


def _is_position(field: str) -> bool:
    try:
        return -MAX_BOX_PIXELS < float(field) < MAX_BOX_PIXELS
    except ValueError:
        return False
