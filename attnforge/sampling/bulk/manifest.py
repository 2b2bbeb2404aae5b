"""What the images of a folder were sampled from, so that nothing else is mixed with them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnforge.errors import Place, Problem, RunError
from attnforge.sampling.bulk.writing import writing

FILE = "samples.json"
Manifest = Mapping[str, str | int | None]
"""What determines the images, by name; plain values."""


def claim(folder: Path, manifest: Manifest) -> None:
    """Make a folder the one for these images, or see that it is.

    Several processes may call it at once: the first one writes the file, the others compare.

    Raises:
        RunError: the folder holds images of something else, or files of unknown origin, or is not writable.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / FILE
        if not file.exists():
            _refuse_strange(folder)
            _write_first(file, manifest)
    _compare(file, manifest)


def _write_first(file: Path, manifest: Manifest) -> None:
    draft = file.with_name(f".{FILE}.{os.uname().nodename}-{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as opened:
            json.dump(manifest, opened, indent=2)
            opened.write("\n")
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(draft, file)  # unlike a rename, it fails if another process was first
        except FileExistsError:
            return
        except PermissionError:  # a file system without links
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _compare(file: Path, manifest: Manifest) -> None:
    try:
        saved: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        names = [*manifest, *(name for name in saved if name not in manifest)]
    except (ValueError, TypeError, OSError) as error:
        message = f"{file} cannot be read, so what the images beside it show is unknown: {error}"
        raise RunError(
            Problem("samples-differ", message, Place(str(file)), "another --out, or the folder removed")
        ) from error
    differing = [name for name in names if saved.get(name) != manifest.get(name)]
    if not differing:
        return
    changes = "; ".join(
        f"{name.replace('_', ' ')} was {saved.get(name)!r} and is {manifest.get(name)!r}"
        for name in differing
    )
    message = f"{file.parent} holds images that were sampled from something else: {changes}"
    expected = "the values of the folder, another --out, or the folder removed"
    raise RunError(Problem("samples-differ", message, Place(str(file)), expected, f"cat {file}"))


def _refuse_strange(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if names:
        message = f"{folder} has files of unknown origin, such as {names[0]}, and no {FILE}"
        expected = "a new or empty folder, or one with images of the same command"
        raise RunError(Problem("samples-differ", message, Place(str(folder)), expected, f"ls {folder}"))
