"""Checks a folder of images and captions, and reports what is in it and what is wrong with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from attnforge.data.checks.caption_checks import CaptionChecks
from attnforge.data.checks.few_images import FEW_IMAGES, few_images
from attnforge.data.checks.inspection import inspect_image
from attnforge.data.checks.size_checks import size_remarks
from attnforge.data.images.stored import ImageFolder, ImageStore
from attnforge.data.reading.files import IMAGE_SUFFIXES
from attnforge.data.reading.metadata import Metadata
from attnforge.data.reading.problem_groups import ProblemGroups, line_of
from attnforge.data.reading.rows import NO_CLASS, Row
from attnforge.data.reading.stored_metadata import read_stored
from attnforge.errors import Place, Problem

FREQUENT_WORDS = 20
"""Words that a report lists."""
MEASURABLE_IMAGES = 100
"""Test images of which metrics begin to tell something: so many captions are candidates of R-precision."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Minimum, median and maximum."""

    least: int
    median: int
    most: int

    @classmethod
    def of(cls, numbers: Counter[int]) -> Spread | None:
        """The spread of numbers, given how often each occurs; None for no numbers."""
        middle, cumulative = numbers.total() // 2, 0
        for number in sorted(numbers):
            cumulative += numbers[number]
            if cumulative > middle:
                return cls(min(numbers), number, max(numbers))
        return None


@dataclass(frozen=True, slots=True)
class FolderReport:
    """What is in a folder."""

    source: str
    images: int
    splits: dict[str, int]
    classes: int
    """Different class ids; 0 when no line has one."""
    boxes: int
    captions: int
    captions_per_image: Spread | None
    words_per_caption: Spread | None
    vocabulary: int
    """Different words, as `attnforge.data.checks.words` counts them."""
    frequent_words: dict[str, int]
    single_words: tuple[str, ...]
    """The words that occur once, in order; misspelled ones are among them."""
    sizes: dict[str, int]
    """How many images have each `width x height`, most frequent first."""
    modes: dict[str, int]
    """How many images have each of Pillow's modes."""
    problems: tuple[Problem, ...]
    """What training refuses or would fail to read."""
    remarks: tuple[Problem, ...]
    """What training skips or guesses; worth a look."""

    def plain(self) -> dict[str, Any]:
        """The report as plain JSON data."""
        return asdict(self)


def check_folder(root: Path, *, watch: Callable[[Sequence[Row]], Iterable[Row]] = iter) -> FolderReport:
    """Read the metadata of a folder and check every image in it."""
    metadata, store = read_stored(root)
    remarks = _unnamed_images(root, metadata) if isinstance(store, ImageFolder) else []
    return check_images(store, metadata, watch=watch, remarks=remarks)


def check_images(
    store: ImageStore,
    metadata: Metadata,
    *,
    watch: Callable[[Sequence[Row]], Iterable[Row]] = iter,
    next_step: str | None = None,
    problems: Sequence[Problem] = (),
    remarks: Sequence[Problem] = (),
) -> FolderReport:
    """Check every image that the metadata names.

    Args:
        store: Where each of them is stored.
        metadata: The images, and the problems found so far.
        watch: Iterates over the rows, for instance to show progress.
        next_step: The command that replaces a damaged image.
        problems: Further problems of the folder.
        remarks: Further remarks on it.
    """
    rows = metadata.rows
    captions = CaptionChecks(metadata.place)
    sizes: Counter[str] = Counter()
    modes: Counter[str] = Counter()
    all_problems, image_remarks = [*metadata.problems, *problems], ProblemGroups()
    for index, row in enumerate(watch(rows)):
        captions.add(row)
        place = metadata.place(row)
        image = inspect_image(store.image(index), row, place=place, next_step=next_step)
        all_problems += image.problems
        for remark in image.remarks:
            image_remarks.add(remark, cause=remark.expected)
        if image.size is not None and image.mode is not None:
            sizes[image.size] += 1
            modes[image.mode] += 1
    # where lines cannot be used, a split may be empty for that reason alone
    usable = rows and not metadata.problems
    empty = [metadata.empty_split(split) for split in metadata.splits] if usable else []
    all_problems += [replace(problem, next_step=next_step) for problem in empty if problem is not None]
    all_problems += captions.problems()
    counts = captions.words
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[:FREQUENT_WORDS]
    all_remarks = [
        *metadata.remarks,
        *remarks,
        *captions.remarks(),
        *_class_remarks(metadata),
        *_few_images_remarks(metadata),
        *_split_remarks(metadata),
        *([] if rows.boxes is not None else size_remarks(sizes, Place(str(metadata.source)))),
        *image_remarks.problems(),
    ]
    return FolderReport(
        source=str(metadata.source),
        images=len(rows),
        splits=dict(sorted(rows.split_counts().items(), reverse=True)),
        classes=len(np.unique(rows.class_ids[rows.class_ids != NO_CLASS])),
        boxes=0 if rows.boxes is None else int((~np.isnan(rows.boxes[:, 0])).sum()),
        captions=len(rows.captions),
        captions_per_image=Spread.of(Counter(np.diff(rows.caption_ends).tolist())),
        words_per_caption=Spread.of(captions.lengths),
        vocabulary=len(counts),
        frequent_words={word: counts[word] for word in frequent},
        single_words=tuple(sorted(word for word, count in counts.items() if count == 1)),
        sizes=dict(sizes.most_common()),
        modes=dict(modes.most_common()),
        problems=tuple(sorted(all_problems, key=lambda problem: line_of(problem.place))),
        remarks=tuple(sorted(all_remarks, key=lambda remark: line_of(remark.place))),
    )


def _class_remarks(metadata: Metadata) -> list[Problem]:
    classes = np.unique(metadata.rows.class_ids).tolist()
    if len(metadata.rows) < 2 or len(classes) > 1 or NO_CLASS in classes:
        return []
    (only,) = classes
    message = (
        f"all {len(metadata.rows):,} images are of class {only}: no caption of another class can serve as "
        "a negative"
    )
    expected = "no `class_id`, which makes each image a class of its own, or several classes"
    return [Problem("single-class", message, Place(str(metadata.source)), expected)]


def _few_images_remarks(metadata: Metadata) -> list[Problem]:
    count = metadata.rows.split_counts().get("train", 0)
    message = few_images(count) if count else None
    if message is None:
        return []
    expected = f"{FEW_IMAGES} training images or more"
    return [Problem("few-images", message, Place(str(metadata.source)), expected)]


def _split_remarks(metadata: Metadata) -> list[Problem]:
    count = metadata.rows.split_counts().get("test", 0)
    if not 0 < count < MEASURABLE_IMAGES:
        return []
    error = round(50 / count**0.5)
    images = f"{count:,} image{'' if count == 1 else 's'}"
    message = (
        f"the test split has {images}: a share of them, such as R-precision, is known to {error} percentage "
        "points, and distances of features mean little"
    )
    expected = f"{MEASURABLE_IMAGES} images or more in it, if metrics shall count"
    return [Problem("small-test-split", message, Place(str(metadata.source)), expected)]


def _unnamed_images(root: Path, metadata: Metadata) -> list[Problem]:
    """A remark on images below the folder that no line names."""
    if not metadata.rows:
        return []
    named = set(map(os.path.normpath, metadata.rows.file_names))
    count, example = 0, ""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = os.path.relpath(folder, root)
        for name in sorted(names):
            path = os.path.normpath(os.path.join(below, name))
            suffix = os.path.splitext(name)[1].lower()
            if suffix in IMAGE_SUFFIXES and path not in named and not name.startswith("."):
                count, example = count + 1, example or path
    # wrong names in the metadata are reported already, and leave images that no line names
    missing = sum(problem.code in ("missing-file", "no-file-name") for problem in metadata.problems)
    if not count or missing:
        return []
    message = f"no line names the image {example}" + (
        f" or {count - 1:,} {'others' if count > 2 else 'other'}" if count > 1 else ""
    )
    return [Problem("unnamed-images", message, Place(str(metadata.source)), "a line for each image")]
