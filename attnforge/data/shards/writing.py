"""Writes a folder of images as shards: the same bytes each time, and each shard whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from attnforge.data.checks.inspection import inspect_header
from attnforge.data.images.opening import BROKEN, read_image, unreadable
from attnforge.data.images.stored import ImageStore
from attnforge.data.reading.files import IMAGE_SUFFIXES
from attnforge.data.reading.metadata import Metadata
from attnforge.data.reading.rows import Row
from attnforge.data.shards.files import LocalFile
from attnforge.data.shards.index import build_index, write_index
from attnforge.data.shards.manifest import MANIFEST, Manifest, ShardRecord, local_manifest
from attnforge.errors import DataError, Place, Problem

IMAGES_PER_SHARD = 10_000
SIGNATURES = {b"\xff\xd8": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp", b"GIF8": ".gif", b"BM": ".bmp"}


def shard_name(number: int) -> str:
    """The file name of a shard."""
    return f"shard-{number:06d}.tar"


def write_shards(
    metadata: Metadata, store: ImageStore, target: Path, *, images_per_shard: int = IMAGES_PER_SHARD
) -> Iterator[ShardRecord]:
    """Write images with their captions as shards; yields the record of each when it is whole on disk.

    Shards that an interrupted call has written are kept, if what they were written from is still the same.
    Images are copied byte by byte; their names, captions, classes, boxes and splits are in `KEY.json`.

    Args:
        metadata: The images.
        store: Where each of them is stored.
        target: The folder of the shards.
        images_per_shard: How many images each shard but the last has.

    Raises:
        DataError: the metadata has problems, an image is obviously damaged, the folder has other shards, or
            it cannot be written.
    """
    rows = metadata.usable().rows
    count = -(-len(rows) // images_per_shard)
    try:
        target.mkdir(parents=True, exist_ok=True)
        written = _written(target, count, images_per_shard)
        records = list[ShardRecord]()
        for number in range(count):
            chosen = range(number * images_per_shard, min(len(rows), (number + 1) * images_per_shard))
            source = _source_digest(metadata, store, chosen)
            record = written.get(shard_name(number))
            if record is None or record.source != source or not _is_whole(target, record):
                record = _write(metadata, store, chosen, target / shard_name(number), source)
            records.append(record)
            later = [written[name] for name in map(shard_name, range(number + 1, count)) if name in written]
            Manifest(images_per_shard, [*records, *later], complete=number + 1 == count).write(target)
            yield record
    except OSError as error:
        message = f"{error.filename or target} cannot be written: {error.strerror or error}"
        expected = "a writable folder with room for all images; run the command again to resume"
        raise DataError(Problem("data-not-written", message, Place(str(target)), expected)) from error


def _written(target: Path, count: int, images_per_shard: int) -> dict[str, ShardRecord]:
    """The records of shards that were written before, by name."""
    manifest = local_manifest(target)
    if manifest is None:
        if others := sorted(path.name for path in target.glob("*.tar")):
            raise _occupied(target, f"it has {others[0]}, but no {MANIFEST}")
        return {}
    if manifest.images_per_shard != images_per_shard:
        raise _occupied(target, f"its shards have {manifest.images_per_shard:,} images each")
    if len(manifest.shards) > count:
        raise _occupied(target, f"it has {len(manifest.shards):,} shards, and {count:,} are to be written")
    return {record.name: record for record in manifest.shards}


def _occupied(target: Path, reason: str) -> DataError:
    message = f"{target} holds another data set: {reason}"
    return DataError(Problem("shards-exist", message, Place(str(target)), "a new or an empty folder"))


def _is_whole(target: Path, record: ShardRecord) -> bool:
    path = target / record.name
    return path.is_file() and path.stat().st_size == record.bytes


def _source_digest(metadata: Metadata, store: ImageStore, chosen: range) -> str:
    """A digest of what a shard is written from: its metadata, and the sizes of its images."""
    digest = hashlib.sha256()
    for index in chosen:
        try:
            with store.image(index).opened() as stream:
                size = stream.seek(0, os.SEEK_END)
        except OSError as error:
            raise _refused(metadata, index, unreadable(store.image(index), error)) from error
        digest.update(f"{size} {_json(metadata.rows[index])}\n".encode())
    return digest.hexdigest()


def _write(metadata: Metadata, store: ImageStore, chosen: range, path: Path, source: str) -> ShardRecord:
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as stream:
            hashed = _Hashed(stream)
            with tarfile.open(fileobj=hashed, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                for number in chosen:
                    _add(tar, metadata, store, number)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    file = LocalFile(path)
    index = build_index(file)
    write_index(file, index)
    captions = len(index.rows.captions)
    return ShardRecord(path.name, hashed.size, hashed.digest.hexdigest(), len(index.rows), captions, source)


class _Hashed(io.RawIOBase):
    """Passes what is written on to a file, and hashes it."""

    def __init__(self, stream: BinaryIO | io.BufferedWriter) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:
        self.digest.update(content)
        self.size += len(content)
        return self._stream.write(content)


def _add(tar: tarfile.TarFile, metadata: Metadata, store: ImageStore, index: int) -> None:
    row, image = metadata.rows[index], store.image(index)
    if problems := inspect_header(image, row):
        raise _refused(metadata, index, problems[0])
    try:
        content = read_image(image)
    except BROKEN as error:
        raise _refused(metadata, index, unreadable(image, error)) from error
    key = f"{index:09d}"
    _member(tar, key + _suffix(row, content), content)
    _member(tar, f"{key}.json", _json(row).encode())


def _member(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)  # of no owner and no time, so that the same images give the same bytes
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _suffix(row: Row, content: bytes) -> str:
    named = PurePosixPath(row.file_name).suffix.lower()
    if named in IMAGE_SUFFIXES:
        return named
    return next((suffix for start, suffix in SIGNATURES.items() if content.startswith(start)), ".tif")


def _json(row: Row) -> str:
    values = {
        "file_name": row.file_name,
        "captions": row.captions,
        "class_id": row.class_id,
        "bbox": row.box,
        "split": row.split,
    }
    return json.dumps({name: value for name, value in values.items() if value is not None})


def _refused(metadata: Metadata, index: int, problem: Problem) -> DataError:
    place = metadata.place(metadata.rows[index])
    return DataError(replace(problem, place=place, next_step=metadata.next_step))
