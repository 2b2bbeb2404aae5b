"""Runs that are damaged, and what is left of them after a command."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from safetensors.torch import load_file
from torch import Tensor


def flip_bit(file: Path, random: Random) -> int:
    """Turn one bit of a file over; gives the place of its byte."""
    content = bytearray(file.read_bytes())
    place = random.randrange(len(content))
    content[place] ^= 1 << random.randrange(8)
    file.write_bytes(content)
    return place


def flip_last_bit(file: Path) -> None:
    """Turn the last bit of a file over, which is a number in a file of weights."""
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def weights_of(run: Path, checkpoint: str) -> dict[str, Tensor]:
    """The weights of a checkpoint, as `network/tensor`."""
    return {
        f"{file.stem}/{name}": tensor
        for file in sorted((run / "checkpoints" / checkpoint).glob("*.safetensors"))
        for name, tensor in load_file(file).items()
    }


def events_of(run: Path, event: str) -> list[dict[str, Any]]:
    """The lines of log.jsonl about an event."""
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [row for row in rows if row["event"] == event]


def snapshot(run: Path) -> dict[str, bytes]:
    """Every file of a run but its log and machine.json, which tell of attempts that were refused, too."""
    notes = ("log.jsonl", "machine.json")
    files = (path for path in sorted(run.rglob("*")) if path.is_file() and path.name not in notes)
    return {str(path.relative_to(run)): path.read_bytes() for path in files}
