"""Reads what AttnGAN's releases of birds and COCO have in common: names, classes and captions.

train/filenames.pickle    names of images without extension; test/ likewise
train/class_info.pickle   a class for each of them, birds only
text/NAME.txt             one caption a line
captions.pickle           the captions as word numbers, read when there is no text/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attnforge.data.fields import SPLITS, clean
from attnforge.data.findings import Findings
from attnforge.data.metadata import SHOWN

NAMES = "a list of images' names without extension"
CLASSES = "a list with one class number for each name of filenames.pickle"
CAPTIONS = "[captions of train, captions of test, number to word, word to number]"


def names_file(root: Path, split: str) -> Path:
    """Where a split's names are."""
    return root / split / "filenames.pickle"


def has_names(root: Path) -> bool:
    """Whether there are names of any split."""
    return any(names_file(root, split).is_file() for split in SPLITS)


def read_names(found: Findings, split: str) -> list[str]:
    """The names of a split's images, without extension."""
    path = names_file(found.root, split)
    content = found.pickle(path, expected=NAMES)
    if content is None:
        return []
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        found.problem(code="bad-release", message="it holds no list of texts", at=path, expected=NAMES)
        return []
    doubled = [name for name, count in Counter(content).items() if count > 1]
    if doubled:
        others = f", and {len(doubled) - 1:,} others" if len(doubled) > 1 else ""
        message = f"it names {doubled[0]} twice{others}"
        found.problem(code="duplicate-file", message=message, at=path, expected=NAMES)
    return [name for name in content if found.inside(name, at=path)]


def read_classes(found: Findings, split: str, count: int) -> list[int] | None:
    """The classes of a split's images, or None when the release gives none."""
    path = found.root / split / "class_info.pickle"
    if not path.is_file():
        return None
    content = found.pickle(path, expected=CLASSES)
    if content is None:
        return None
    if not isinstance(content, list) or not all(type(one) is int and one >= 0 for one in content):
        message = "it holds no list of whole numbers from 0"
        found.problem(code="bad-release", message=message, at=path, expected=CLASSES)
        return None
    if len(content) != count:
        message = f"it holds {len(content):,} classes for {count:,} images"
        found.problem(code="bad-release", message=message, at=path, expected=CLASSES)
        return None
    return content


def read_captions(found: Findings, split: str, names: Sequence[str]) -> list[tuple[str, ...]]:
    """The captions of each image; an empty tuple, with a problem noted, where there are none."""
    folder = found.root / "text"
    if folder.is_dir():
        return [_from_text(found, folder / f"{name}.txt") for name in names]
    if (found.root / "captions.pickle").is_file() and names_file(found.root, split).is_file():
        return _from_pickle(found, split, len(names))
    if not any(one.code == "no-captions" for one in found.problems):
        example = folder / f"{names[0] if names else 'NAME'}.txt"
        message = "there are no captions: neither a folder text nor captions.pickle"
        expected = f"one caption a line in files such as {example}"
        found.problem(code="no-captions", message=message, at=folder, expected=expected)
    return [()] * len(names)


def _from_text(found: Findings, path: Path) -> tuple[str, ...]:
    text = found.text(path, expected="one caption a line")
    if text is None:
        return ()
    lines = [clean(line) for line in text.rstrip().split("\n")]
    captions = tuple(line for line in lines if line)
    if not captions:
        found.problem(
            code="no-captions", message="it holds no caption", at=path, expected="one caption a line"
        )
        return ()
    for number, line in enumerate(lines, start=1):
        if not line:
            message = "the line is empty and was passed over"
            found.remark(code="empty-caption", message=message, at=path, line=number)
    return captions


def _from_pickle(found: Findings, split: str, count: int) -> list[tuple[str, ...]]:
    """Captions come one after the other, equally many an image; nothing else says whose they are."""
    path = found.root / "captions.pickle"
    content: Any = found.pickle(path, expected=CAPTIONS)
    none: list[tuple[str, ...]] = [()] * count
    if content is None:
        return none
    try:
        captions, words = content[SPLITS.index(split)], content[2]
        spoken = [" ".join(words[number] for number in one if number) for one in captions]
    except (LookupError, TypeError):
        message = "it does not hold captions and their words"
        found.problem(code="bad-release", message=message, at=path, expected=CAPTIONS)
        return none
    each, rest = divmod(len(spoken), count) if count else (0, 0)
    if rest or not each:
        message = f"it holds {len(spoken):,} captions for {count:,} images of {split}"
        expected = "equally many captions an image, or captions in the folder text"
        found.problem(code="bad-release", message=message, at=path, expected=expected)
        return none
    of_images = [
        tuple(one for one in spoken[place : place + each] if one) for place in range(0, len(spoken), each)
    ]
    for place in [place for place, one in enumerate(of_images) if not one][:SHOWN]:
        message = f"image {place + 1:,} of {split} has no caption"
        found.problem(code="no-captions", message=message, at=path, expected="a caption with a word")
    return of_images
