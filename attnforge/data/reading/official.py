"""Reads what AttnGAN's releases of CUB and COCO have in common: names, classes and captions.

train/filenames.pickle    names of images without extension; and in test/
train/class_info.pickle   a class for each of them, birds only
text/NAME.txt             one caption a line
captions.pickle           the captions as word ids, read if there is no text/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attnforge.data.reading.fields import SPLITS, clean
from attnforge.data.reading.findings import Findings
from attnforge.data.reading.metadata import SHOWN

NAMES = "a list of image names without extension"
CLASSES = "a list with one class number for each name of filenames.pickle"
CAPTIONS = "[captions of train, captions of test, number to word, word to number]"


def names_file(root: Path, split: str) -> Path:
    """The file of a split's image names."""
    return root / split / "filenames.pickle"


def has_names(root: Path) -> bool:
    """Whether the names of any split exist."""
    return any(names_file(root, split).is_file() for split in SPLITS)


def read_names(findings: Findings, split: str) -> list[str]:
    """The names of a split's images, without extension."""
    path = names_file(findings.root, split)
    content = findings.pickle(path, expected=NAMES)
    if content is None:
        return []
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        findings.problem(code="bad-release", message="it is not a list of strings", at=path, expected=NAMES)
        return []
    duplicates = [name for name, count in Counter(content).items() if count > 1]
    if duplicates:
        others = f", and {len(duplicates) - 1:,} others" if len(duplicates) > 1 else ""
        message = f"it names {duplicates[0]} twice{others}"
        findings.problem(code="duplicate-file", message=message, at=path, expected=NAMES)
    return [name for name in content if findings.inside(name, at=path)]


def read_classes(findings: Findings, split: str, count: int) -> list[int] | None:
    """The classes of a split's images, or None if the release has none."""
    path = findings.root / split / "class_info.pickle"
    if not path.is_file():
        return None
    content = findings.pickle(path, expected=CLASSES)
    if content is None:
        return None
    if not isinstance(content, list) or not all(type(number) is int and number >= 0 for number in content):
        message = "it is not a list of integers from 0"
        findings.problem(code="bad-release", message=message, at=path, expected=CLASSES)
        return None
    if len(content) != count:
        message = f"it has {len(content):,} classes for {count:,} images"
        findings.problem(code="bad-release", message=message, at=path, expected=CLASSES)
        return None
    return content


def read_captions(findings: Findings, split: str, names: Sequence[str]) -> list[tuple[str, ...]]:
    """The captions of each image; an empty tuple, with a problem added, if there are none."""
    folder = findings.root / "text"
    if folder.is_dir():
        return [_from_text(findings, folder / f"{name}.txt") for name in names]
    if (findings.root / "captions.pickle").is_file() and names_file(findings.root, split).is_file():
        return _from_pickle(findings, split, len(names))
    if not any(problem.code == "no-captions" for problem in findings.problems):
        example = folder / f"{names[0] if names else 'NAME'}.txt"
        message = "there are no captions: neither a folder `text` nor captions.pickle"
        expected = f"one caption a line in files such as {example}"
        findings.problem(code="no-captions", message=message, at=folder, expected=expected)
    return [()] * len(names)


def _from_text(findings: Findings, path: Path) -> tuple[str, ...]:
    text = findings.text(path, expected="one caption a line")
    if text is None:
        return ()
    lines = [clean(line) for line in text.rstrip().split("\n")]
    captions = tuple(line for line in lines if line)
    if not captions:
        findings.problem(
            code="no-captions", message="the file has no captions", at=path, expected="one caption a line"
        )
        return ()
    for number, line in enumerate(lines, start=1):
        if not line:
            message = "empty line skipped"
            findings.remark(code="empty-caption", message=message, at=path, line=number)
    return captions


def _from_pickle(findings: Findings, split: str, count: int) -> list[tuple[str, ...]]:
    """Captions in the order of images, the same number for each; nothing else assigns them to images."""
    path = findings.root / "captions.pickle"
    content: Any = findings.pickle(path, expected=CAPTIONS)
    none: list[tuple[str, ...]] = [()] * count
    if content is None:
        return none
    try:
        captions, words = content[SPLITS.index(split)], content[2]
        sentences = [" ".join(words[number] for number in ids if number) for ids in captions]
    except (LookupError, TypeError):
        message = "it does not hold captions and their words"
        findings.problem(code="bad-release", message=message, at=path, expected=CAPTIONS)
        return none
    each, rest = divmod(len(sentences), count) if count else (0, 0)
    if rest or not each:
        message = f"it has {len(sentences):,} captions for {count:,} images of {split}"
        expected = "the same number of captions for each image, or captions in the folder `text`"
        findings.problem(code="bad-release", message=message, at=path, expected=expected)
        return none
    captions_by_image = [
        tuple(filter(None, sentences[start : start + each])) for start in range(0, len(sentences), each)
    ]
    for index in [index for index, captions in enumerate(captions_by_image) if not captions][:SHOWN]:
        message = f"image {index + 1:,} of {split} has no caption"
        findings.problem(code="no-captions", message=message, at=path, expected="a caption with a word")
    return captions_by_image
