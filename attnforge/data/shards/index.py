"""The index of a shard: where its images are, with their captions, in columns.

`attnforge data shard` writes one beside each shard. For shards of other tools it is made when they are first
read, which reads every header and every caption, and kept beside the shard where the folder can be written.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Int64

from attnforge.data.reading.files import IMAGE_SUFFIXES
from attnforge.data.reading.row_reader import RowReader
from attnforge.data.reading.rows import Rows
from attnforge.data.shards.columns_file import columns_of, rows_of
from attnforge.data.shards.files import LocalFile, ShardFile
from attnforge.data.shards.tar_members import TarMember, tar_members
from attnforge.errors import DataError, Problem

FORMAT = 1
SUFFIX = ".index.npz"
_DAMAGED = (
    OSError,
    KeyError,
    ValueError,
    TypeError,
    EOFError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and the standard library raise for damaged files of arrays."""
MAX_TEXT_BYTES = 1 << 20
"""Of the captions of one image; larger ones are a mistake."""


@dataclass(frozen=True, eq=False)
class ShardIndex:
    """The images of one shard."""

    rows: Rows
    starts: Int64[np.ndarray, " rows"]
    """Where the bytes of each image begin in the shard."""
    sizes: Int64[np.ndarray, " rows"]
    shard_bytes: int


def index_file(shard: ShardFile) -> ShardFile:
    """Where the index of a shard is."""
    return shard.sibling(shard.name.rpartition("/")[2] + SUFFIX)


def shard_index(shard: ShardFile) -> ShardIndex:
    """The index beside a shard, or a new one.

    Raises:
        DataError: the shard is missing, damaged or unsafe, or has images without captions.
    """
    size = _bytes(shard)
    index = _stored(shard, size)
    if index is None:
        index = build_index(shard)
        write_index(shard, index)
    return index


def build_index(shard: ShardFile) -> ShardIndex:
    """Read the headers and the captions of a shard.

    Raises:
        DataError: the shard is missing, damaged or unsafe, or has images without captions.
    """
    size = _bytes(shard)
    samples: dict[str, dict[str, TarMember]] = {}
    for member in tar_members(shard):
        folder, _, name = member.name.rpartition("/")
        if name.startswith("."):
            continue
        stem, _, suffix = name.partition(".")
        samples.setdefault(f"{folder}/{stem}".lstrip("/"), {})[suffix.lower()] = member
    source = Path(shard.name)
    reader, starts, sizes = RowReader(source, embedded=True), list[int](), list[int]()
    reader.begin(source, only=False)
    for number, (key, parts) in enumerate(samples.items(), start=1):
        images = [part for suffix, part in parts.items() if _is_image(suffix)]
        if len(images) != 1:
            count = f"{len(images)} images" if images else "no image"
            message = f"the sample {key} has {count}: {', '.join(sorted(parts))}"
            reader.note(
                code="shard-sample",
                message=message,
                line=number,
                expected="one image for each sample",
                cause=str(bool(images)),
            )
            continue
        record = _record(shard, key, images[0], parts)
        if reader.add(record, number):
            starts.append(images[0].start)
            sizes.append(images[0].size)
    if problems := reader.problems():
        raise DataError(problems)
    return ShardIndex(reader.rows, np.array(starts, np.int64), np.array(sizes, np.int64), size)


def write_index(shard: ShardFile, index: ShardIndex) -> None:
    """Write an index beside a local shard; it stays in memory alone where that is not possible."""
    target = index_file(shard)
    if not isinstance(target, LocalFile):
        return
    content = io.BytesIO()
    np.savez(
        content,
        format=np.array(FORMAT),
        shard_bytes=np.array(index.shard_bytes),
        starts=index.starts,
        sizes=index.sizes,
        **columns_of(index.rows),
    )
    partial = target.path.with_name(f".{target.path.name}.partial-{os.getpid()}")
    try:
        partial.write_bytes(content.getbuffer())
        partial.replace(target.path)
    except OSError:
        partial.unlink(missing_ok=True)


def _stored(shard: ShardFile, shard_bytes: int) -> ShardIndex | None:
    """The index beside a shard; None where there is none, or it is damaged, or older than the shard."""
    file = index_file(shard)
    try:
        if file.modified() < shard.modified():
            return None
        with np.load(io.BytesIO(file.content()), allow_pickle=False) as stored:
            arrays = dict(stored)
        if int(arrays["format"]) != FORMAT or int(arrays["shard_bytes"]) != shard_bytes:
            return None
        rows = rows_of(arrays, source=Path(shard.name))
        starts, sizes = arrays["starts"], arrays["sizes"]
    except _DAMAGED:
        return None
    if starts.shape != sizes.shape or starts.shape != (len(rows),) or starts.dtype != np.int64:
        return None
    if sizes.dtype != np.int64 or (starts < 0).any() or (sizes < 0).any():
        return None
    if len(rows) and int((starts + sizes).max()) > shard_bytes:
        return None
    return ShardIndex(rows, starts, sizes, shard_bytes)


def _bytes(shard: ShardFile) -> int:
    try:
        return shard.size()
    except FileNotFoundError as error:
        message = f"there is no shard {shard.name}"
        raise DataError(Problem("missing-shard", message, expected="every shard of the data set")) from error
    except OSError as error:
        message = f"{shard.name} cannot be read: {error.strerror or error}"
        raise DataError(Problem("broken-shard", message, expected="a readable file")) from error


def _is_image(suffix: str) -> bool:
    return f".{suffix.rpartition('.')[2]}" in IMAGE_SUFFIXES


def _record(
    shard: ShardFile, key: str, image: TarMember, parts: Mapping[str, TarMember]
) -> Mapping[str, Any]:
    """What the members of a sample say about its image, with the names of metadata.jsonl."""
    record: dict[str, Any] = {}
    if (member := parts.get("json")) is not None:
        try:
            content = json.loads(_text(shard, member))
        except (ValueError, RecursionError):
            content = None
        record = content if isinstance(content, dict) else {}
    if "captions" not in record and "text" not in record:
        if isinstance(record.get("caption"), str):
            record["text"] = record["caption"]
        elif (member := parts.get("txt")) is not None:
            record["captions"] = _text(shard, member).splitlines()
    if "class_id" not in record and (member := parts.get("cls")) is not None:
        record["class_id"] = _text(shard, member).strip()
    stem = re.sub(r"\.tar$", "", PurePosixPath(shard.name).name)
    name = f"{stem}/{key}{PurePosixPath(image.name).suffix}"
    return {name: value for name, value in record.items() if name in _KNOWN} | {
        "file_name": record.get("file_name", name)
    }


_KNOWN = frozenset({"captions", "text", "class_id", "bbox", "split"})


def _text(shard: ShardFile, member: TarMember) -> str:
    if member.size > MAX_TEXT_BYTES:
        return ""
    return shard.read(member.start, member.size).decode("utf-8", "replace")
