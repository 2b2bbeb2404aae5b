"""Reads Parquet tables with embedded images, as the datasets of Hugging Face have them.

A table has a column `image`, of structs with `bytes`, and a column of captions: `text`, `caption` or
`captions`. Of the tables only captions are read at first. An image is read with the row group that it is in;
each process keeps the last few groups.
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

from attnforge.data.reading.fields import HELD_OUT, SPLITS
from attnforge.data.reading.metadata import EMPTY, Metadata, with_splits
from attnforge.data.reading.other_tables import no_pyarrow
from attnforge.data.reading.row_reader import RowReader
from attnforge.data.reading.rows import Rows
from attnforge.errors import Place, Problem

IMAGE = "image"
CAPTIONS = ("captions", "text", "caption")
OTHERS = ("class_id", "bbox", "split")
MAX_KEPT_GROUPS = 4
"""Row groups whose images a process keeps in memory."""
EXPECTED = "a column `image` of embedded images, and captions in `text`, `caption` or `captions`"
_SPLIT = re.compile(r"[a-z]+", flags=re.IGNORECASE)


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
    splits = {path: _split(path) for path in paths}
    tested = "test" in (path.name.split("-")[0] for path in paths)
    used = [path for path in paths if not (tested and path.name.split("-")[0] in HELD_OUT)]
    remarks = [
        Problem(
            "unused-metadata", f"{path.name} is not used, because there are tables `test`", Place(str(path))
        )
        for path in paths
        if path not in used
    ]
    for number, path in enumerate(used):
        reader.begin(path, split=splits[path], only=False)
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
        names = set(table.schema_arrow.names)
        captions = next((name for name in CAPTIONS if name in names), None)
        paths = [name for name in (IMAGE, "file_name") if name in names and _is_text(table, name)]
        if paths and (paths[0] == IMAGE or IMAGE not in names):
            raise _PathsError(f"the column `{paths[0]}` holds texts, and no image is embedded in the table")
        if captions is None or IMAGE not in names:
            missing = "captions" if captions is None else f"`{IMAGE}`"
            raise _UnusableTableError(f"the table has no column of {missing}, but {', '.join(sorted(names))}")
        columns = [captions, *(name for name in OTHERS if name in names)]
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


@lru_cache(maxsize=MAX_KEPT_GROUPS)
def _images(path: Path, group: int) -> list[bytes | None]:
    import pyarrow
    from pyarrow import parquet

    try:
        content = parquet.ParquetFile(path).read_row_group(group, columns=[IMAGE], use_threads=False)
        return [_bytes(value) for value in content.column(IMAGE).to_pylist()]
    except pyarrow.ArrowException as error:
        raise OSError(f"the table cannot be read: {' '.join(str(error).split())}") from error


def _bytes(value: Any) -> bytes | None:
    content = value.get("bytes") if isinstance(value, dict) else value
    return content if isinstance(content, bytes) else None


def _split(path: Path) -> str | None:
    """The split that a table is named after, such as `train-00000-of-00002.parquet`."""
    match = _SPLIT.match(path.name)
    name = match[0].casefold() if match else ""
    return name if name in SPLITS else "test" if name in HELD_OUT else None


def _places(places: Sequence[tuple[int, int, int]]) -> Int64[np.ndarray, " rows 3"]:
    return np.array(places, dtype=np.int64).reshape(-1, 3)
