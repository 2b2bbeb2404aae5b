"""Rows of numbers on disk, found again by a digest of everything that determines them.

One safetensors file for each name and chunk of images. Files are written beside their names and moved into
place, so that several processes may use a folder at once and a killed one leaves no half file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Shaped
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

FOLDER_VARIABLE = "ATTNFORGE_CACHE"
"""The environment variable that names the folder; `off` keeps nothing."""
ROWS = "rows"
"""The tensor of a file."""


def digest_of(protocol: object) -> str:
    """A SHA-256 of plain data, independent of the order of keys."""
    text = json.dumps(protocol, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def cache_folder() -> Path | None:
    """Where rows are kept; None when they are not."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return None if named == "off" else Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "attnforge"


@dataclass(frozen=True, slots=True)
class RowCache:
    """Rows that share a protocol, such as the features of one network for the images of one run.

    Args:
        folder: The folder of all rows; None keeps nothing.
        protocol: Everything that determines the rows, but for their name and chunk: plain data.
        warn: Called once when rows cannot be written, as on a full disk.
    """

    folder: Path | None
    protocol: Mapping[str, object]
    warn: Callable[[str], None] = lambda text: None

    def read(self, name: str, chunk: int, *, count: int) -> Shaped[Tensor, "n *row"] | None:
        """The rows of a chunk, or None where they are missing, damaged, or of another number of images."""
        path = self._path(name, chunk)
        if path is None:
            return None
        try:
            with safe_open(path, framework="pt") as file:
                if (file.metadata() or {}).get("digest") != self._digest(name):
                    return None
                rows: Tensor = file.get_tensor(ROWS)
        except (OSError, SafetensorError):
            return None
        return rows if len(rows) == count else None

    def write(self, name: str, chunk: int, rows: Shaped[Tensor, "n *row"]) -> None:
        """Keep the rows of a chunk; a disk that is full costs their reuse, not the evaluation."""
        path = self._path(name, chunk)
        if path is None:
            return
        draft = path.with_name(f".{path.name}.partial-{os.getpid()}")
        metadata = {"digest": self._digest(name), "name": name, "protocol": json.dumps(self.protocol)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file({ROWS: rows.contiguous()}, draft, metadata=metadata)
            draft.replace(path)
        except (OSError, SafetensorError) as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            self.warn(f"features cannot be kept in {path.parent}: {error}")

    def _path(self, name: str, chunk: int) -> Path | None:
        if self.folder is None:
            return None
        return self.folder / self._digest(name)[:16] / f"{chunk:05d}.safetensors"

    def _digest(self, name: str) -> str:
        return digest_of({"name": name, **self.protocol})
