"""Reads the lines of `metadata.jsonl` and `metadata.csv` one by one, and reports problems of the file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, TextIO, runtime_checkable

from attnforge.data.reading.columns import COLUMNS, misnamed_column
from attnforge.data.reading.encodings import COMMON
from attnforge.data.reading.files import IMAGE_SUFFIXES

ONE_OBJECT = "one JSON object per line"
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""Separators that spreadsheets write instead of commas."""


@runtime_checkable
class Notes(Protocol):
    """Collects problems of lines; those of the same cause are reported once."""

    def note(
        self,
        code: str,
        message: str,
        line: int | None,
        expected: str | None,
        *,
        column: int | None = None,
        cause: str | None = None,
        convert: str | None = None,
    ) -> None: ...


def read_records(source: Path, notes: Notes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The records of a metadata file with their lines; nothing is kept in memory.

    Args:
        source: A file that ends in `.jsonl` or `.csv`.
        notes: Collects the problems of the file and of lines that are not records.
    """
    table = source.suffix == ".csv"
    try:
        with source.open(encoding="utf-8-sig", newline="" if table else None) as stream:
            yield from _csv_records(stream, notes) if table else _json_records(stream, notes)
    except UnicodeDecodeError:
        _note_encoding(source, notes)
    except OSError as error:
        notes.note(
            "metadata-unreadable", f"the file cannot be read: {error.strerror}", None, "a readable file"
        )


def _json_records(stream: TextIO, notes: Notes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    first = True
    for line, content in enumerate(stream, start=1):
        text = content.strip()
        if not text:
            continue
        if first and (text.startswith("[") or text == "{"):
            message = "the file is one JSON document, not one object per line"
            notes.note("bad-json", message, line, f"{ONE_OBJECT}, without brackets and commas around them")
            return
        first = False
        try:
            record = json.loads(text)
        except json.JSONDecodeError as error:
            column = error.colno + len(content) - len(content.lstrip())
            notes.note("bad-json", f"not JSON: {error.msg}", line, ONE_OBJECT, column=column, cause=error.msg)
        except (ValueError, RecursionError):
            message = "not JSON: a number is too long or nesting too deep"
            notes.note("bad-json", message, line, ONE_OBJECT, cause=message)
        else:
            if isinstance(record, dict):
                yield line, record
            else:
                message = "the line is JSON but not an object"
                notes.note("bad-json", message, line, ONE_OBJECT, cause=message)


def _csv_records(stream: TextIO, notes: Notes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    header = stream.readline()
    if separator := _other_separator(header):
        message = f"columns are separated by {SEPARATORS[separator]}"
        expected = "commas between columns; a spreadsheet can save the file so"
        notes.note("bad-csv", message, 1, expected, convert="")
        return
    table = csv.DictReader(chain([header], stream), strict=True)
    try:
        names = [name.strip() for name in table.fieldnames or ()]
        if _lacks_header(names):
            message = f"the first line is not a header: it names the image {names[0]}"
            notes.note(
                "bad-csv", message, 1, "a header with the names of the columns, such as file_name,text"
            )
            return
        table.fieldnames = names
        for record in table:
            if None in record:
                expected = f"{len(names)} columns; quote values that contain commas"
                message = "the line has too many columns"
                notes.note("bad-csv", message, table.line_num, expected, cause="columns")
            else:
                filled = {key: value for key, value in record.items() if value is not None and value.strip()}
                yield table.line_num, filled
    except csv.Error as error:
        line = table.reader.line_num
        notes.note("bad-csv", f"not CSV: {error}", line, "comma-separated values")


def _other_separator(header: str) -> str | None:
    """The separator of a header that is not separated by commas, recognised by the names of its columns."""
    for separator in SEPARATORS:
        names = [name.strip().strip('"') for name in header.split(separator)]
        if len(names) > 1 and (set(names) & set(COLUMNS) or misnamed_column("file_name", names)):
            return separator
    return None


def _lacks_header(names: Sequence[str]) -> bool:
    return bool(names) and PurePosixPath(names[0]).suffix.lower() in IMAGE_SUFFIXES


def _note_encoding(source: Path, notes: Notes) -> None:
    content = source.read_bytes()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        notes.note(
            "metadata-encoding",
            "the file is UTF-16, not UTF-8",
            None,
            "a file in UTF-8; editors can save it so",
            convert="",
        )
        return
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message, option = f"byte {error.start} is not UTF-8", f"--encoding {COMMON}"
        notes.note("metadata-encoding", message, line, "a file in UTF-8", convert=option)
