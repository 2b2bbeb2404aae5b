"""Looks through a folder of pictures and captions and says what is in it and what is wrong with it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from attnforge.data.jpeg import jpeg_damage
from attnforge.data.metadata import Metadata, Row, read_metadata
from attnforge.data.pictures import open_picture
from attnforge.data.png import missing_rows
from attnforge.errors import DataError, Place, Problem

FREQUENT = 20


@dataclass(frozen=True, slots=True)
class Spread:
    """The smallest, middle and largest of some numbers."""

    least: int
    median: int
    most: int

    @classmethod
    def of(cls, numbers: Sequence[int]) -> Spread | None:
        """The spread of some numbers, or None when there are none."""
        ordered = sorted(numbers)
        return cls(ordered[0], ordered[len(ordered) // 2], ordered[-1]) if ordered else None


@dataclass(frozen=True, slots=True)
class FolderReport:
    """What is in a folder."""

    source: str
    pictures: int
    splits: dict[str, int]
    classes: int
    """Different class ids; 0 when no line has one."""
    boxes: int
    captions: int
    captions_per_picture: Spread | None
    words_per_caption: Spread | None
    vocabulary: int
    """Different words: runs of letters and digits, lower-cased."""
    frequent_words: dict[str, int]
    sizes: dict[str, int]
    """How many pictures are of each `width x height`, most frequent first."""
    modes: dict[str, int]
    """How many pictures are of each of Pillow's modes."""
    problems: tuple[Problem, ...]

    def plain(self) -> dict[str, Any]:
        """The report as plain JSON data."""
        return asdict(self)


def check_folder(root: Path) -> FolderReport:
    """Read the metadata of a folder and open every picture of it."""
    return check_pictures(root, read_metadata(root))


def check_pictures(
    root: Path,
    metadata: Metadata,
    *,
    watch: Callable[[Sequence[Row]], Iterable[Row]] = iter,
    next_step: str | None = None,
) -> FolderReport:
    """Open every picture that some metadata names.

    Args:
        root: The folder that the file names start from.
        metadata: What the pictures are, and what was wrong with it.
        watch: Goes through the rows, for instance to show how far the check has come.
        next_step: The command that replaces a damaged picture.
    """
    rows = metadata.rows
    captions = [caption for row in rows for caption in row.captions]
    words = [_words(caption) for caption in captions]
    counts = Counter(word for caption in words for word in caption)
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[:FREQUENT]
    sizes: Counter[str] = Counter()
    modes: Counter[str] = Counter()
    problems = [*metadata.problems, *metadata.remarks]
    for row in watch(rows):
        damaged = _check_picture(root, row, Place(str(metadata.source), row.line), sizes, modes)
        problems += [replace(problem, next_step=next_step) for problem in damaged]
    return FolderReport(
        source=str(metadata.source),
        pictures=len(rows),
        splits=dict(sorted(Counter(str(row.split) for row in rows).items(), reverse=True)),
        classes=len({row.class_id for row in rows} - {None}),
        boxes=sum(row.box is not None for row in rows),
        captions=len(captions),
        captions_per_picture=Spread.of([len(row.captions) for row in rows]),
        words_per_caption=Spread.of([len(caption) for caption in words]),
        vocabulary=len(counts),
        frequent_words={word: counts[word] for word in frequent},
        sizes=dict(sizes.most_common()),
        modes=dict(modes.most_common()),
        problems=tuple(sorted(problems, key=_line)),
    )


def _check_picture(
    root: Path, row: Row, place: Place, sizes: Counter[str], modes: Counter[str]
) -> list[Problem]:
    path = root / row.file_name
    try:
        upright = open_picture(path, place=place)
    except DataError as error:
        return list(error.problems)
    with Image.open(path) as image:
        modes[image.mode] += 1
    sizes[f"{upright.width} x {upright.height}"] += 1
    if missing := missing_rows(path):
        message = f"picture {path} cannot be read: it lacks {missing} rows of pixels"
        return [Problem("broken-picture", message, place, "a whole picture")]
    if damage := jpeg_damage(path.read_bytes()):
        message = f"picture {path} is damaged: {damage}; parts of it may look wrong"
        return [Problem("damaged-picture", message, place, "a whole picture")]
    if row.box is not None and _outside(row.box, upright.size):
        message = f"the bbox of {row.file_name} lies outside its {upright.width} x {upright.height} pixels"
        return [Problem("bad-box", message, place, "a box within the picture")]
    return []


def _outside(box: tuple[float, float, float, float], size: tuple[int, int]) -> bool:
    left, top, width, height = box
    return left >= size[0] or top >= size[1] or left + width <= 0 or top + height <= 0


def _words(caption: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFC", caption).lower())


def _line(problem: Problem) -> int:
    return (problem.place.line or 0) if problem.place else 0
