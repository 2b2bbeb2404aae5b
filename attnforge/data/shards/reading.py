"""Reads a data set in shards: its metadata in columns, and its images by their places in the shards."""

from __future__ import annotations

import io
import shlex
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from attnforge.data.reading.metadata import EMPTY, SHOWN, Metadata, with_splits
from attnforge.data.reading.rows import Rows
from attnforge.data.shards.files import ShardFile, Span
from attnforge.data.shards.index import ShardIndex, shard_index
from attnforge.data.shards.locating import find_shards
from attnforge.errors import DataError, Place, Problem


@dataclass(frozen=True, slots=True)
class ShardImage:
    """An encoded image in a shard."""

    shard: ShardFile
    file_name: str
    start: int
    size: int

    @property
    def name(self) -> str:
        return f"{self.file_name} in {self.shard.name}"

    def opened(self) -> AbstractContextManager[io.BufferedIOBase]:
        return io.BufferedReader(Span(self.shard, self.start, self.size))


@dataclass(frozen=True, eq=False)
class ShardStore:
    """The images of all shards, read at random without extracting any."""

    shards: Sequence[ShardFile]
    first_rows: Int64[np.ndarray, " ends"]
    """The first row of each shard, and the number of all rows."""
    starts: Int64[np.ndarray, " rows"]
    sizes: Int64[np.ndarray, " rows"]
    file_names: Sequence[str]

    def image(self, index: int) -> ShardImage:
        shard = self.shards[int(self.first_rows.searchsorted(index, side="right")) - 1]
        return ShardImage(shard, self.file_names[index], int(self.starts[index]), int(self.sizes[index]))


def read_shards(root: str) -> tuple[Metadata, ShardStore]:
    """The metadata and the images of a data set in shards.

    Args:
        root: A folder, a tar file or a pattern of tar files, of this machine or with an address.

    Raises:
        DataError: a shard is missing, damaged or unsafe; no image is decoded.
    """
    shards = find_shards(root)
    indices, problems = list[ShardIndex](), list[Problem]()
    for shard in shards:
        try:
            indices.append(shard_index(shard))
        except DataError as error:
            problems += error.problems
            if len(problems) >= SHOWN:
                break
    source, step = Path(root), f"attnforge data check {shlex.quote(root)}"
    if problems:
        return Metadata(source, EMPTY, tuple(problems[:SHOWN]), (), step), _store(shards, [], EMPTY)
    rows = with_splits(Rows.joined([index.rows for index in indices]))
    problems += _repeated(rows)
    if not rows:
        problems.append(Problem("empty-data", "the shards have no images", Place(root)))
    return Metadata(source, rows, tuple(problems), (), step), _store(shards, indices, rows)


def _store(shards: Sequence[ShardFile], indices: Sequence[ShardIndex], rows: Rows) -> ShardStore:
    none = np.empty(0, dtype=np.int64)
    return ShardStore(
        shards,
        np.cumsum([0, *(len(index.rows) for index in indices)], dtype=np.int64),
        np.concatenate([none, *(index.starts for index in indices)]),
        np.concatenate([none, *(index.sizes for index in indices)]),
        rows.file_names,
    )


def _repeated(rows: Rows) -> list[Problem]:
    """The problem of a name that two shards have."""
    hashes = np.fromiter(map(hash, rows.file_names), dtype=np.int64, count=len(rows))
    values, counts = np.unique(hashes, return_counts=True)
    if (counts < 2).all():
        return []
    first, second = np.flatnonzero(hashes == values[counts > 1][0])[:2].tolist()
    if rows.file_names[first] != rows.file_names[second]:
        return []  # two names of one hash, once in 30 million data sets of a million names
    places = [rows[number].source for number in (first, second)]
    message = f"{rows.file_names[first]} is in {places[0]} and in {places[1]}"
    return [Problem("duplicate-file", message, Place(str(places[1])), "each image once")]
