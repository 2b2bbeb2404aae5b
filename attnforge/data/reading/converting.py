"""Makes `metadata.jsonl` of captions that other tools leave in text files, tables or names of folders."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from attnforge.data.reading.caption_files import caption_files
from attnforge.data.reading.class_folders import class_of
from attnforge.data.reading.encodings import UTF_8, text_of
from attnforge.data.reading.fields import HELD_OUT, SPLITS, clean
from attnforge.data.reading.files import images_below, no_folder
from attnforge.data.reading.metadata_files import NAMES
from attnforge.data.reading.other_tables import needs_converting, table_rows, tables_of
from attnforge.data.reading.table_names import TableNames
from attnforge.errors import DataError, Place, Problem

CLASS = "{class}"
"""What a template of captions has in place of the name of a class."""
TARGET = NAMES[0]
ORIGINAL = "original-"
"""What the name of a table begins with afterwards that was called as a file of metadata is."""
FORMATS = "PNG, JPEG, WebP, BMP, GIF or TIFF"


@dataclass(slots=True)
class Converted:
    """What was found."""

    source: str
    """Where captions came from, in words."""
    tables: tuple[str, ...] = ()
    """The tables that were read."""
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The lines of the metadata by file name."""
    without_captions: int = 0
    """Images that are left out, since nothing says what they show."""
    unread: tuple[str, ...] = ()
    """Tables beside the source that were not read, since they list no captions of images."""
    missing: int = 0
    """Lines of images that the folder lacks."""

    @property
    def captions(self) -> int:
        return sum(len(row["captions"]) for row in self.rows.values())


def convert(
    root: Path,
    *,
    template: str | None = None,
    renames: Mapping[str, str] | None = None,
    encoding: str = UTF_8,
) -> Converted:
    """Find the captions of a folder and write its `metadata.jsonl`.

    With a template, the captions are made of the names of the folders that images are in. Otherwise they are
    read from text files called as the images, each line a caption, or else from tables: CSV with any
    separator, JSON, Parquet, or the annotations of COCO. A table that is called as a file of metadata is
    renamed, since a folder has one such file.

    Args:
        root: The folder of images.
        template: A caption such as `a photo of a {class}`.
        renames: The columns of a table that are called otherwise: `file_name` or `text` by its own name.
        encoding: What texts and tables are written in unless a byte order mark shows otherwise.

    Raises:
        DataError: the folder does not exist, it has metadata already, or nothing in it has captions.
    """
    _refuse(root, template, renames or {})
    images = tuple(images_below(root))
    if template is not None:
        converted = _of_classes(images, template)
    elif (root / TARGET).exists() or not (texts := caption_files(root, images)):
        converted = _of_tables(root, images, renames or {}, encoding)
    else:
        converted = _of_text_files(root, images, texts, encoding)
    if not converted.rows:
        raise _nothing(root, images)
    _drop_single_split(converted)
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
        originals = [name for name in NAMES if name in converted.tables]
        for name in originals:
            # a link fails where there is such a file, which is never overwritten
            (root / f"{ORIGINAL}{name}").hardlink_to(root / name)
        partial.replace(root / TARGET)
        for name in originals:
            if name != TARGET:
                (root / name).unlink()
    finally:
        partial.unlink(missing_ok=True)


def _of_text_files(root: Path, images: Sequence[str], texts: Mapping[str, str], encoding: str) -> Converted:
    beside = all(Path(text).parent == Path(image).parent for image, text in texts.items())
    converted = Converted(f"text files {'beside' if beside else 'named after'} the images")
    for name in images:
        text = text_of(root / texts[name], root=root, encoding=encoding) if name in texts else ""
        captions = [caption for line in text.splitlines() if (caption := clean(line))]
        if captions:
            converted.rows[name] = {"file_name": name, "captions": captions, **_split(name)}
        else:
            converted.without_captions += 1
    return converted


def _of_classes(images: Sequence[str], template: str) -> Converted:
    converted = Converted("the names of folders")
    names = [name for name in images if class_of(name)]
    numbers = {title: number for number, title in enumerate(sorted({class_of(name) for name in names}))}
    for name in names:
        title = class_of(name)
        caption = clean(template.replace(CLASS, title))
        row = {"file_name": name, "captions": [caption], "class_id": numbers[title], **_split(name)}
        converted.rows[name] = row
    converted.without_captions = len(images) - len(names)
    return converted


def _of_tables(root: Path, images: Sequence[str], renames: Mapping[str, str], encoding: str) -> Converted:
    """The rows of every table that lists captions of images, where at least one does."""
    tables = tables_of(root)
    if (root / TARGET).exists():
        tables = [root / TARGET]
    names, used, refused = TableNames(root, images), [], {}
    converted = Converted("")
    for table in tables:
        try:
            rows = list(table_rows(table, renames, encoding=encoding))
        except DataError as error:
            refused[table.name] = error
            continue
        used.append(table.name)
        for row in rows:
            name = row["file_name"] = names.image(row["file_name"])
            known = converted.rows.setdefault(name, {**_split_of(table, name), **row})
            if known["captions"] is not row["captions"]:  # a line for each caption
                known["captions"] += [text for text in row["captions"] if text not in known["captions"]]
    if not used and refused:
        raise next(iter(refused.values()))
    converted.source, converted.tables = " and ".join(used), tuple(used)
    converted.unread = tuple(refused)
    converted.without_captions = sum(name not in converted.rows for name in images)
    converted.missing = len(converted.rows) - len(images) + converted.without_captions
    return converted


def _split_of(table: Path, name: str) -> dict[str, str]:
    """The split that a row without one has by the name of its image's folder, or of its table."""
    parts = re.findall("[a-z]+", table.stem.casefold())
    named = next((part for part in parts if part in (*SPLITS, *HELD_OUT)), None)
    return _split(name) or ({"split": "test" if named in HELD_OUT else named} if named else {})


def _drop_single_split(converted: Converted) -> None:
    """Forget a split that all images have: one for testing is taken from them instead."""
    if len({row.get("split") for row in converted.rows.values()}) == 1:
        for row in converted.rows.values():
            row.pop("split", None)


def _split(name: str) -> dict[str, str]:
    first = PurePosixPath(name).parts[0].casefold()
    return {"split": "test" if first in HELD_OUT else first} if first in (*SPLITS, *HELD_OUT) else {}


def _refuse(root: Path, template: str | None, renames: Mapping[str, str]) -> None:
    place = Place(str(root))
    if not root.is_dir():
        raise DataError(no_folder(root))
    if (root / TARGET).exists() and not (template is None and needs_converting(root / TARGET, renames)):
        step = f"attnforge data check {shlex.quote(str(root))}"
        message = f"the folder has {TARGET} already, which is never overwritten"
        raise DataError(Problem("metadata-exists", message, place, "a folder without it", step))
    if template is not None and CLASS not in template:
        message = f"the caption {template!r} has no place for the name of a class"
        expected = f"a caption with {CLASS}, such as 'a photo of a {CLASS}'"
        raise DataError(Problem("no-class-in-caption", message, expected=expected))


def _nothing(root: Path, images: Sequence[str]) -> DataError:
    place = Place(str(root))
    if not images:
        message = "the folder has no images"
        return DataError(Problem("nothing-to-convert", message, place, f"files in {FORMATS}"))
    expected = (
        "text files called as the images, a table with a line for each image or caption, or images in "
        "folders named after what they show, with --caption"
    )
    message = "nothing in the folder describes its images"
    several = len({class_of(image) for image in images} - {""}) > 1
    step = f"attnforge data convert {shlex.quote(str(root))} --caption 'a photo of a {CLASS}'"
    return DataError(Problem("nothing-to-convert", message, place, expected, step if several else None))
