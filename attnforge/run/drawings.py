"""Drawings as files: a picture each, one sheet of all, and a sheet of attention for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from attnforge.errors import Problem, RunError
from attnforge.names import caption_name
from attnforge.run.drawing import Drawing
from attnforge.run.sheets import attention_sheet, contact_sheet


def write_drawings(drawings: Sequence[Drawing], folder: Path, *, attention: bool) -> list[Path]:
    """Write PNG files and give their paths, each once, the sheet of all drawings last.

    A caption that was given twice has the same images, which are written once.

    Raises:
        RunError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for drawing in drawings:
            name = f"{caption_name(drawing.caption)}-seed{drawing.seed}-{drawing.index}"
            picture = folder / f"{name}.png"
            Image.fromarray(drawing.images[-1]).save(picture)
            paths.append(picture)
            if attention:
                paths.append(folder / f"{name}-attention.png")
                attention_sheet(drawing, paths[-1])
        paths.append(folder / "sheet.png")
        contact_sheet(drawings, paths[-1])
    except OSError as error:
        raise RunError(
            Problem(
                code="drawings-not-written",
                message=f"drawings cannot be written to {folder}: {error}",
                expected="a writable folder",
                next_step="attnforge sample RUN CAPTION --out FOLDER",
            )
        ) from error
    return list(dict.fromkeys(paths))
