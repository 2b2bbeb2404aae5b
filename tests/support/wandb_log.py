"""Reads back what wandb wrote offline: a LevelDB log of protocol buffers (`run-ID.wandb`)."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 32768
HEADER = 7
"""Bytes before each piece: a checksum, a length, and which part of a record it is."""


def records(path: Path) -> list[Any]:
    """All records of the log of one run of wandb."""
    from wandb.proto.wandb_internal_pb2 import Record

    found = []
    for data in _whole(path.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        found.append(record)
    return found


def history(path: Path) -> list[dict[str, Any]]:
    """The rows that were logged, without what wandb adds."""
    rows = [
        {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in records(path)
        if record.WhichOneof("record_type") == "history"
    ]
    return [{key: value for key, value in row.items() if not key.startswith("_")} for row in rows]


def config(path: Path) -> dict[str, Any]:
    """The config of the run, by its top-level names."""
    found: dict[str, Any] = {}
    for record in records(path):
        for part in (record.run.config, record.config):
            found.update({item.key: json.loads(item.value_json) for item in part.update if item.key})
    return found


def exit_code(path: Path) -> int:
    """What the run ended with."""
    (code,) = (one.exit.exit_code for one in records(path) if one.WhichOneof("record_type") == "exit")
    return int(code)


def _whole(data: bytes) -> Iterator[bytes]:
    assert data[:4] == b":W&B"
    place, parts = HEADER, b""
    while place + HEADER <= len(data):
        left = BLOCK - place % BLOCK
        if left < HEADER:  # the rest of a block that has no room for a header
            place += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        place += HEADER
        parts += data[place : place + length]
        place += length
        if kind in (1, 4):  # whole, or the last piece
            yield parts
            parts = b""
