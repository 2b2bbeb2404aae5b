"""Reads tables of captions that other tools write, whatever their columns are called."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from attnforge.data.reading.columns import misnamed_column
from attnforge.data.reading.fields import HELD_OUT, clean
from attnforge.errors import DataError, Place, Problem

TABLE_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
SEPARATORS = ",;\t|"
Record = Mapping[str, Any]


def table_rows(path: Path, renames: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The rows of a table under the names that attnforge reads; those without image or captions are left out.

    Args:
        path: The table.
        renames: What columns are called in the table, by the name that attnforge reads.

    Raises:
        DataError: the table cannot be read, or has no column of images or none of captions.
    """
    try:
        records = list(_records(path))
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        message = f"the table cannot be read: {' '.join(str(error).split())}"
        raise DataError(
            Problem("bad-table", message, Place(str(path)), "Parquet, or CSV or JSON in UTF-8")
        ) from error
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = {column: _column(column, names, renames) for column in ("file_name", "class_id", "split")}
    texts = _column("captions", names, renames) or _column("text", names, renames)
    if columns["file_name"] is None or texts is None:
        raise _no_column(path, "file_name" if columns["file_name"] is None else "text", names)
    titles = dict.fromkeys(_title(record, columns["class_id"]) for record in records)
    numbered = all(title.isdecimal() for title in titles if title)
    classes = {title: int(title) if numbered else number for number, title in enumerate(filter(None, titles))}
    for record in records:
        name, captions = record.get(columns["file_name"]), _captions(record.get(texts))
        if not isinstance(name, str) or not name.strip() or not captions:
            continue
        row: dict[str, Any] = {"file_name": name.strip(), "captions": captions}
        if title := _title(record, columns["class_id"]):
            row["class_id"] = classes[title]
        split = str(record.get(columns["split"] or "") or "").strip().casefold()
        if split:
            row["split"] = "test" if split in HELD_OUT else split
        yield row


def names_other_columns(path: Path, renames: Mapping[str, str]) -> bool:
    """Whether the first record of a file of lines calls images or captions otherwise than attnforge does."""
    try:
        first = next(iter(_records(path)), {})
    except (OSError, ValueError, RecursionError):
        return False
    names = list(first)
    renamed = any(name in names for name in renames.values())
    has_captions = "captions" in names or "text" in names
    return (
        renamed
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


def _records(path: Path) -> Iterator[Record]:
    if path.suffix.lower() in (".csv", ".tsv"):
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = stream.readline()
            separator = max(SEPARATORS, key=header.count)
            stream.seek(0)
            yield from csv.DictReader(stream, delimiter=separator)
        return
    if path.suffix.lower() == ".parquet":
        yield from _of_parquet(path)
        return
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix.lower() == ".jsonl":
        content = [json.loads(line) for line in text.splitlines() if line.strip()]
    else:
        content = json.loads(text)
    if isinstance(content, dict):
        yield from _of_coco(content)
    elif isinstance(content, list):
        yield from (record for record in content if isinstance(record, dict))


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
            f"neither a list of objects nor annotations of COCO: {error!r} is missing"
        ) from error


def _no_column(path: Path, column: str, names: Sequence[str]) -> DataError:
    what = "image files" if column == "file_name" else "captions"
    message = f"no column seems to hold {what}; the columns are {', '.join(map(str, names)) or 'none'}"
    step = f"attnforge data convert FOLDER --column {column}=NAME"
    return DataError(Problem("no-such-column", message, Place(str(path)), f"the column of {what}", step))
