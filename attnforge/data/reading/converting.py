"""Makes `metadata.jsonl` of captions that other tools leave in text files, tables or names of folders."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from attnforge.data.reading.fields import HELD_OUT, SPLITS, clean
from attnforge.data.reading.files import IMAGE_SUFFIXES
from attnforge.data.reading.metadata_files import NAMES
from attnforge.data.reading.other_tables import TABLE_SUFFIXES, names_other_columns, table_rows
from attnforge.errors import DataError, Place, Problem

CLASS = "{class}"
"""What a template of captions has in place of the name of a class."""
TARGET = NAMES[0]
ORIGINAL = "original-"
"""What the name of a table begins with afterwards that was called as a file of metadata is."""
_NUMBER = re.compile(r"^\d+[._ -]+")


@dataclass(slots=True)
class Converted:
    """What was found."""

    source: str
    """Where captions came from, in words."""
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The lines of the metadata by file name."""
    without_captions: int = 0
    """Images that are left out, since nothing says what they show."""

    @property
    def captions(self) -> int:
        return sum(len(row["captions"]) for row in self.rows.values())


def convert(
    root: Path, *, template: str | None = None, renames: Mapping[str, str] | None = None
) -> Converted:
    """Find the captions of a folder and write its `metadata.jsonl`.

    With a template, the captions are made of the names of the folders that images are in. Otherwise they are
    read from text files beside the images, each line a caption, or else from a table: CSV with any separator,
    JSON, Parquet, or the annotations of COCO. A table that is called as a file of metadata is renamed, since
    a folder has one such file.

    Args:
        root: The folder of images.
        template: A caption such as `a photo of a {class}`.
        renames: The columns of a table that are called otherwise: `file_name` or `text` by its own name.

    Raises:
        DataError: the folder does not exist, it has metadata already, or nothing in it has captions.
    """
    _refuse(root, template, renames or {})
    if template is not None:
        converted = _of_classes(root, template)
    elif (root / TARGET).exists():
        converted = _of_table(root, renames or {})
    elif any(_beside(root, name) for name in images_below(root)):
        converted = _of_text_files(root)
    else:
        converted = _of_table(root, renames or {})
    if not converted.rows:
        raise _nothing(root)
    try:
        _write(root, converted)
    except OSError as error:
        message = f"{TARGET} cannot be written: {error.strerror or error}"
        place = Place(str(root))
        raise DataError(Problem("metadata-not-written", message, place, "a writable folder")) from error
    return converted


def _write(root: Path, converted: Converted) -> None:
    partial = root / f".{TARGET}.partial-{os.getpid()}"
    try:
        with partial.open("w", encoding="utf-8") as stream:
            for row in converted.rows.values():
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        if converted.source in NAMES:
            # a link fails where there is such a file, which is never overwritten
            (root / f"{ORIGINAL}{converted.source}").hardlink_to(root / converted.source)
        partial.replace(root / TARGET)
        if converted.source in NAMES and converted.source != TARGET:
            (root / converted.source).unlink()
    finally:
        partial.unlink(missing_ok=True)


def images_below(root: Path) -> Iterator[str]:
    """The images below a folder by their paths with forward slashes, in order; hidden ones are skipped."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = Path(folder).relative_to(root)
        for name in sorted(files):
            if not name.startswith(".") and PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES:
                yield (inside / name).as_posix()


def _beside(root: Path, name: str) -> bool:
    return (root / name).with_suffix(".txt").is_file()


def _of_text_files(root: Path) -> Converted:
    converted = Converted("text files beside the images")
    for name in images_below(root):
        if not _beside(root, name):
            converted.without_captions += 1
            continue
        path = (root / name).with_suffix(".txt")
        captions = [caption for line in _text(path).splitlines() if (caption := clean(line))]
        if captions:
            converted.rows[name] = {"file_name": name, "captions": captions, **_split(name)}
        else:
            converted.without_captions += 1
    return converted


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not UTF-8"
        raise DataError(Problem("metadata-encoding", message, Place(str(path)), "a file in UTF-8")) from error


def _of_classes(root: Path, template: str) -> Converted:
    converted = Converted("the names of folders")
    names = [name for name in images_below(root) if _class_of(name)]
    numbers = {title: number for number, title in enumerate(sorted({_class_of(name) for name in names}))}
    for name in names:
        title = _class_of(name)
        caption = clean(template.replace(CLASS, title))
        row = {"file_name": name, "captions": [caption], "class_id": numbers[title], **_split(name)}
        converted.rows[name] = row
    converted.without_captions = sum(1 for _ in images_below(root)) - len(names)
    return converted


def _of_table(root: Path, renames: Mapping[str, str]) -> Converted:
    tables = sorted(path for path in root.iterdir() if path.suffix.lower() in TABLE_SUFFIXES)
    if (root / TARGET).exists():
        tables = [root / TARGET]
    if not tables:
        raise _nothing(root)
    converted = Converted(tables[0].name)
    for row in table_rows(tables[0], renames):
        known = converted.rows.setdefault(row["file_name"], row)
        if known is not row:  # a line for each caption
            known["captions"] += [text for text in row["captions"] if text not in known["captions"]]
    listed = converted.rows.keys()
    converted.without_captions = sum(name not in listed for name in images_below(root))
    return converted


def _class_of(name: str) -> str:
    """The folder of an image in words: `001.Black_footed_Albatross` is `Black footed Albatross`."""
    folder = PurePosixPath(name).parent.name
    if folder.casefold() in (*SPLITS, *HELD_OUT):
        return ""
    return clean(_NUMBER.sub("", folder).replace("_", " "))


def _split(name: str) -> dict[str, str]:
    first = PurePosixPath(name).parts[0].casefold()
    return {"split": "test" if first in HELD_OUT else first} if first in (*SPLITS, *HELD_OUT) else {}


def _refuse(root: Path, template: str | None, renames: Mapping[str, str]) -> None:
    place = Place(str(root))
    if not root.is_dir():
        raise DataError(Problem("no-folder", "the folder does not exist", place, "a folder with images"))
    if (root / TARGET).exists() and not (template is None and names_other_columns(root / TARGET, renames)):
        step = f"attnforge data check {shlex.quote(str(root))}"
        message = f"the folder has {TARGET} already, which is never overwritten"
        raise DataError(Problem("metadata-exists", message, place, "a folder without it", step))
    if template is not None and CLASS not in template:
        message = f"the caption {template!r} has no place for the name of a class"
        expected = f"a caption with {CLASS}, such as 'a photo of a {CLASS}'"
        raise DataError(Problem("no-class-in-caption", message, expected=expected))


def _nothing(root: Path) -> DataError:
    step = f"attnforge data convert {shlex.quote(str(root))} --caption 'a photo of a {CLASS}'"
    expected = (
        "text files beside the images, a table with a line for each image or caption, or images in folders "
        "named after what they show, with --caption"
    )
    message = "nothing in the folder describes its images"
    return DataError(Problem("nothing-to-convert", message, Place(str(root)), expected, step))
