"""Reads Parquet tables with embedded images, as the datasets of Hugging Face have them.

A table has a column of embedded images, of structs with `bytes` or of bytes, usually `image`, and a column of
captions: `text`, `caption`, `captions` or another usual name. Of the tables only captions are read at first.
An image is read with the row group that it is in; each process keeps the last few groups.
"""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from attnforge.data.reading.columns import misnamed_column
from attnforge.data.reading.fields import HELD_OUT, SPLITS
from attnforge.data.reading.metadata import EMPTY, Metadata, with_splits
from attnforge.data.reading.metadata_files import single_split
from attnforge.data.reading.other_tables import no_pyarrow
from attnforge.data.reading.row_reader import RowReader
from attnforge.data.reading.rows import Rows
from attnforge.errors import Place, Problem

IMAGE = "image"
CAPTIONS = ("captions", "text", "caption")
OTHERS = ("class_id", "bbox", "split")
MAX_KEPT_GROUPS = 4
"""Row groups whose images a process keeps in memory."""
EXPECTED = "a column of embedded images, such as `image`, and one of captions, such as `text`"
_WORD = re.compile(r"[a-z]+", flags=re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TableImage:
    """An encoded image in a table."""

    path: Path
    group: int
    row: int
    """In its row group."""

    @property
    def name(self) -> str:
        return f"row {self.row + 1} of row group {self.group + 1} of {self.path}"

    def opened(self) -> AbstractContextManager[io.BufferedIOBase]:
        content = _images(self.path, self.group)[self.row]
        if content is None:
            raise OSError("the image is not embedded in the table")
        return io.BytesIO(content)


@dataclass(frozen=True, eq=False)
class TableStore:
    """The images of some tables."""

    paths: Sequence[Path]
    places: Int64[np.ndarray, " rows 3"]
    """The table, the row group in it and the row in that, of each row of the metadata."""

    def image(self, index: int) -> TableImage:
        table, group, row = self.places[index].tolist()
        return TableImage(self.paths[table], group, row)


def parquet_files(root: Path) -> list[Path]:
    """The tables of a folder, or of `data` in it."""
    return sorted(root.glob("*.parquet")) or sorted(root.glob("data/*.parquet"))


def read_parquet(root: Path, paths: Sequence[Path]) -> tuple[Metadata, TableStore]:
    """The metadata of tables and their images; bad content never raises."""
    step = f"attnforge data check {shlex.quote(str(root))}"
    places: list[tuple[int, int, int]] = []
    reader = RowReader(root, embedded=True)
    tested = "test" in map(_first_word, paths)
    used = [path for path in paths if not (tested and _first_word(path) in HELD_OUT)]
    splits = [_split(path) for path in used]
    remarks = [
        Problem(
            "unused-metadata", f"{path.name} is not used, because there are tables `test`", Place(str(path))
        )
        for path in paths
        if path not in used
    ]
    if remark := single_split(splits, "table", root):
        remarks, splits = [*remarks, remark], [None for _ in used]
    for number, path in enumerate(used):
        reader.begin(path, split=splits[number], only=False)
        try:
            for line, (group, row, record) in enumerate(_records(path), start=1):
                if reader.add(record, line):
                    places.append((number, group, row))
        except ImportError:
            return Metadata(root, EMPTY, (no_pyarrow(path),), (), step), TableStore(used, _places([]))
        except _PathsError as error:
            convert = f"attnforge data convert {shlex.quote(str(root))}"
            problem = Problem("bad-table", str(error), Place(str(path)), EXPECTED, convert)
            return Metadata(root, EMPTY, (problem,), (), convert), TableStore(used, _places([]))
        except _UnusableTableError as error:
            reader.note(code="bad-table", message=str(error), line=None, expected=EXPECTED, cause=str(error))
    problems = reader.problems()
    rows: Rows = reader.rows
    if not rows and not problems:
        problems = [Problem("empty-data", "the tables have no images", Place(str(root)))]
    remarks += reader.remarks()
    return Metadata(root, with_splits(rows), tuple(problems), tuple(remarks), step), TableStore(
        used, _places(places)
    )


class _UnusableTableError(ValueError):
    """A table that cannot be read."""


class _PathsError(ValueError):
    """A table that names image files instead of embedding them."""


def _records(path: Path) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Row group, row in it and content of every row, without its image."""
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path)
        names = list(table.schema_arrow.names)
        image = _image_column(table.schema_arrow)
        captions = next((name for name in CAPTIONS if name in names), None) or misnamed_column("text", names)
        paths = "file_name" if "file_name" in names else misnamed_column("file_name", names)
        if image is None and paths is not None and _is_text(table, paths):
            raise _PathsError(f"the column `{paths}` holds texts, and no image is embedded in the table")
        if captions is None or image is None:
            missing = "captions" if captions is None else "images"
            raise _UnusableTableError(f"the table has no column of {missing}, but {', '.join(names)}")
        others = [misnamed_column(name, names) for name in OTHERS if name not in names]
        columns = [captions, *(name for name in (*OTHERS, *others) if name in names and name != captions)]
        for group in range(table.num_row_groups):
            content = table.read_row_group(group, columns=columns).to_pylist()
            for row, record in enumerate(content):
                record["captions"] = record.pop(captions)
                if record["captions"] is None:
                    del record["captions"]
                record["file_name"] = f"{path.name}/{group:05d}-{row:06d}"
                yield group, row, record
    except (pyarrow.ArrowException, OSError) as error:
        raise _UnusableTableError(f"the table cannot be read: {' '.join(str(error).split())}") from error


def _is_text(table: Any, column: str) -> bool:
    from pyarrow import types

    kind = table.schema_arrow.field(column).type
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _image_column(schema: Any) -> str | None:
    """The column of embedded images: `image`, or else the first that may be one."""
    from pyarrow import types

    embedded = [
        field.name
        for field in schema
        if types.is_binary(field.type)
        or types.is_large_binary(field.type)
        or (types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0)
    ]
    return IMAGE if IMAGE in embedded else next(iter(embedded), None)


@lru_cache(maxsize=MAX_KEPT_GROUPS)
def _images(path: Path, group: int) -> list[bytes | None]:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path)
        column = _image_column(table.schema_arrow) or IMAGE
        content = table.read_row_group(group, columns=[column], use_threads=False)
        return [_bytes(value) for value in content.column(column).to_pylist()]
    except pyarrow.ArrowException as error:
        raise OSError(f"the table cannot be read: {' '.join(str(error).split())}") from error


def _bytes(value: Any) -> bytes | None:
    content = value.get("bytes") if isinstance(value, dict) else value
    return content if isinstance(content, bytes) else None


def _split(path: Path) -> str | None:
    """The split that a table is named after, such as `train-00000-of-00002.parquet`."""
    name = _first_word(path)
    return name if name in SPLITS else "test" if name in HELD_OUT else None


def _first_word(path: Path) -> str:
    match = _WORD.match(path.name)
    return match[0].casefold() if match else ""


def _places(places: Sequence[tuple[int, int, int]]) -> Int64[np.ndarray, " rows 3"]:
    return np.array(places, dtype=np.int64).reshape(-1, 3)
