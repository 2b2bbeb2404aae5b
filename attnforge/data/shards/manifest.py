"""The manifest of a data set in shards: which there are, with sizes, counts and digests."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from attnforge.data.shards.files import LocalFile, ShardFile
from attnforge.errors import DataError, Place, Problem

MANIFEST = "shards.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """One shard in a manifest."""

    name: str
    bytes: int
    sha256: str
    images: int
    captions: int
    source: str
    """A digest of the metadata and the sizes of what was written to it, to resume writing."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The shards of a data set."""

    images_per_shard: int
    shards: Sequence[ShardRecord]
    complete: bool

    def write(self, folder: Path) -> None:
        """Write the manifest atomically.

        Raises:
            OSError: the folder cannot be written.
        """
        content: dict[str, Any] = {
            "format": FORMAT,
            "complete": self.complete,
            "images": sum(record.images for record in self.shards),
            "captions": sum(record.captions for record in self.shards),
            "images_per_shard": self.images_per_shard,
            "shards": [asdict(record) for record in self.shards],
        }
        partial = folder / f".{MANIFEST}.partial-{os.getpid()}"
        try:
            partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            partial.replace(folder / MANIFEST)
        finally:
            partial.unlink(missing_ok=True)


def read_manifest(file: ShardFile) -> Manifest | None:
    """The manifest in a file; None where there is no such file.

    Raises:
        DataError: it is damaged, or of a newer format.
    """
    try:
        content = json.loads(file.content())
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}, not {FORMAT}")
        records = [_record(record) for record in content["shards"]]
        return Manifest(int(content["images_per_shard"]), records, content["complete"] is True)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"{file.name} cannot be read: {error}"
        expected = f"the {MANIFEST} that `attnforge data shard` wrote, or none"
        raise DataError(Problem("bad-manifest", message, Place(file.name), expected)) from error


def local_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder of this machine; None where it has none.

    Raises:
        DataError: it is damaged, or of a newer format.
    """
    return read_manifest(LocalFile(folder / MANIFEST))


def _record(record: dict[str, Any]) -> ShardRecord:
    name = record["name"]
    if not isinstance(name, str) or "/" in name or "\\" in name or name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not the name of a file beside it")
    numbers = [record[key] for key in ("bytes", "images", "captions")]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError(f"the numbers of {name} are not counts")
    return ShardRecord(
        name=name,
        bytes=numbers[0],
        sha256=str(record["sha256"]),
        images=numbers[1],
        captions=numbers[2],
        source=str(record["source"]),
    )
