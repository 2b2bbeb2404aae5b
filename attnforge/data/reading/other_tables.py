"""Reads tables of captions that other tools write, whatever their columns are called."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

from attnforge.data.reading.columns import misnamed_column
from attnforge.data.reading.encodings import UTF_8, text_of
from attnforge.data.reading.fields import HELD_OUT, clean
from attnforge.data.reading.files import is_image
from attnforge.errors import DataError, Place, Problem

TABLE_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
SEPARATORS = ",;\t|"
KEPT = ("class_id", "bbox", "split")
"""Columns that are kept beside images and captions."""
Record = Mapping[Any, Any]


def tables_of(root: Path) -> list[Path]:
    """The files in a folder that may be tables, by name."""
    return sorted(path for path in root.iterdir() if path.suffix.lower() in TABLE_SUFFIXES and path.is_file())


def table_rows(path: Path, renames: Mapping[str, str], *, encoding: str = UTF_8) -> Iterator[dict[str, Any]]:
    """The rows of a table under the names that attnforge reads; those without image or captions are left out.

    Args:
        path: The table.
        renames: What columns are called in the table, by the name that attnforge reads.
        encoding: What it is written in unless a byte order mark shows otherwise.

    Raises:
        DataError: the table cannot be read, or has no column of images or none of captions.
    """
    try:
        records = list(_records(path, encoding))
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        message = f"the table cannot be read: {' '.join(str(error).split())}"
        raise DataError(
            Problem("bad-table", message, Place(str(path)), "Parquet, or CSV or JSON in UTF-8")
        ) from error
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {column: _column(column, names, renames) for column in ("file_name", *KEPT)}
    named = next((renames[column] for column in ("captions", "text") if column in renames), None)
    texts = named or _column("captions", names, renames) or _column("text", names, renames)
    for column, chosen in (("file_name", columns["file_name"]), ("text", texts)):
        if chosen not in names:
            raise _no_column(path, column, names)
    titles = dict.fromkeys(_title(record, columns["class_id"]) for record in records)
    numbered = all(title.isdecimal() for title in titles if title)
    classes = {title: int(title) if numbered else number for number, title in enumerate(filter(None, titles))}
    for record in records:
        name, captions = record.get(columns["file_name"]), _captions(record.get(texts))
        if not isinstance(name, str | int) or not str(name).strip() or not captions:
            continue
        row: dict[str, Any] = {"file_name": str(name).strip(), "captions": captions}
        if title := _title(record, columns["class_id"]):
            row["class_id"] = classes[title]
        if box := record.get(columns["bbox"]):
            row["bbox"] = box
        split = str(record.get(columns["split"] or "") or "").strip().casefold()
        if split:
            row["split"] = "test" if split in HELD_OUT else split
        yield row


def needs_converting(path: Path, renames: Mapping[str, str]) -> bool:
    """Whether attnforge cannot read a file of lines as it is, but as a table.

    It is not in UTF-8, names images or captions otherwise than attnforge does, or an image twice.
    """
    try:
        path.read_text("utf-8-sig")
        records = list(_records(path, UTF_8))
    except UnicodeDecodeError:
        return True
    except (OSError, ValueError, RecursionError, DataError):
        return False
    names = list(records[0]) if records else []
    images = [name for record in records if isinstance(name := record.get("file_name"), str)]
    renamed = any(name in names for name in renames.values())
    has_captions = "captions" in names or "text" in names
    return (
        renamed
        or len(set(images)) < len(images)
        or ("file_name" not in names and misnamed_column("file_name", names) is not None)
        or (not has_captions and misnamed_column("text", names) is not None)
    )


def _column(column: str, names: Sequence[str], renames: Mapping[str, str]) -> str | None:
    if column in renames:
        return renames[column]
    return column if column in names else misnamed_column(column, names)


def _title(record: Record, column: str | None) -> str:
    value = record.get(column) if column else None
    return "" if value is None else str(value).strip()


def _captions(value: Any) -> list[str]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError):
            value = json.loads(value)
    texts = value if isinstance(value, list) else [value]
    return [caption for text in texts if isinstance(text, str) and (caption := clean(text))]


def _records(path: Path, encoding: str) -> Iterator[Record]:
    if path.suffix.lower() == ".parquet":
        yield from _of_parquet(path)
        return
    text = text_of(path, root=path.parent, encoding=encoding)
    if path.suffix.lower() in (".csv", ".tsv"):
        yield from _of_separated(path, text)
        return
    if path.suffix.lower() == ".jsonl":
        content = [json.loads(line) for line in text.split("\n") if line.strip()]
    else:
        content = json.loads(text)
    if isinstance(content, dict) and content and all(map(is_image, content)):
        yield from ({"file_name": name, "text": captions} for name, captions in content.items())
    elif isinstance(content, dict):
        yield from _of_coco(content)
    elif isinstance(content, list):
        yield from (record for record in content if isinstance(record, dict))


def _of_separated(path: Path, text: str) -> Iterator[Record]:
    """The rows of CSV; a last column that holds captions also takes what follows it, cut at their commas."""
    header = text.partition("\n")[0]
    separator = max(SEPARATORS, key=header.count)
    table = csv.DictReader(StringIO(text, newline=""), delimiter=separator)
    names = list(table.fieldnames or ())
    if any(is_image(name.strip()) for name in names):
        message = f"the first line names the image {names[0]}, and no columns"
        expected = f"a first line with the names of the columns, such as image{separator}caption"
        raise DataError(Problem("no-such-column", message, Place(str(path), 1), expected))
    captions_last = names[-1:] in (["text"], ["captions"]) or misnamed_column("text", names[-1:]) is not None
    for record in table:
        if None in record:
            more = record.pop(None)
            if not captions_last:
                message = f"a row has {len(names) + len(more)} values for {len(names)} columns"
                expected = f"values that contain {separator!r} in quotes"
                raise DataError(Problem("bad-table", message, Place(str(path), table.line_num), expected))
            record[names[-1]] = separator.join([record[names[-1]], *more])
        yield record


def _of_parquet(path: Path) -> Iterator[Record]:
    """The columns of texts, numbers and lists; embedded images are left where they are."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(no_pyarrow(path)) from error
    try:
        schema = parquet.read_schema(path)
        read = [field.name for field in schema if not _is_binary(field.type)]
        if misnamed_column("file_name", read) is None and "file_name" not in read and len(read) < len(schema):
            raise DataError(_embedded(path))
        yield from parquet.read_table(path, columns=read).to_pylist()
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from error


def _is_binary(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_struct(kind) or types.is_binary(kind) or types.is_large_binary(kind))


def no_pyarrow(path: Path) -> Problem:
    """The problem of a Parquet table where pyarrow is not installed."""
    return Problem(
        "no-pyarrow",
        "tables in Parquet are read with pyarrow, which is not installed",
        Place(str(path)),
        "pyarrow, or metadata.jsonl with image files",
        "pip install 'attnforge[parquet]'",
    )


def _of_coco(content: Mapping[str, Any]) -> Iterator[Record]:
    """The annotations of captions as COCO has them: images by number, and captions by the image's number."""
    try:
        names = {image["id"]: image["file_name"] for image in content["images"]}
        for annotation in content["annotations"]:
            yield {"file_name": names[annotation["image_id"]], "text": annotation["caption"]}
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"neither a list of objects, captions by image, nor annotations of COCO: {error}"
        ) from error


def _embedded(path: Path) -> Problem:
    step = f"attnforge data check {shlex.quote(str(path.parent))}"
    message = "the images are embedded in the table, which is read as it is"
    return Problem("nothing-to-convert", message, Place(str(path)), "a column of paths of images", step)


def _no_column(path: Path, column: str, names: Sequence[str]) -> DataError:
    what = "image files" if column == "file_name" else "captions"
    message = f"no column holds {what}; the columns are {', '.join(map(str, names)) or 'none'}"
    step = f"attnforge data convert {shlex.quote(str(path.parent))} --column {column}=NAME"
    return DataError(Problem("no-such-column", message, Place(str(path)), f"the column of {what}", step))
