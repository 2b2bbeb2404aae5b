"""Drawings as files: an image each, one sheet of the first ones, and a sheet of attention for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from attnforge.errors import Problem, RunError
from attnforge.names import caption_name
from attnforge.run.generated import GeneratedImage
from attnforge.run.sheets import attention_sheet, contact_sheet

SHEET_ROWS = 50
"""Drawings that the sheet shows; more would be no help to the eye, and take longer than drawing them."""
SHEET = "sheet.png"


def write_images(drawings: Iterable[GeneratedImage], folder: Path, *, attention: bool) -> Iterator[Path]:
    """Write PNG files one after another, the sheet of the first `SHEET_ROWS` last, and give their paths.

    Each is on the disk when its path is given, and no drawing is kept that the sheet does not show.

    Raises:
        RunError: the folder cannot be written.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    shown: list[GeneratedImage] = []
    for drawing in drawings:
        yield from _write(drawing, folder, attention=attention)
        if len(shown) < SHEET_ROWS:
            shown.append(drawing)
    if shown:
        with _writing(folder):
            contact_sheet(shown, folder / SHEET)
        yield folder / SHEET


def _write(drawing: GeneratedImage, folder: Path, *, attention: bool) -> Iterator[Path]:
    name = f"{caption_name(drawing.caption)}-seed{drawing.seed}-{drawing.index}"
    with _writing(folder):
        image = folder / f"{name}.png"
        Image.fromarray(drawing.images[-1]).save(image)
    yield image
    if attention:
        with _writing(folder):
            sheet = folder / f"{name}-attention.png"
            attention_sheet(drawing, sheet)
        yield sheet


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(
            Problem(
                code="images-not-written",
                message=f"images cannot be written to {folder}: {error.strerror or error}",
                expected="a folder that can be written, with room for the images",
                next_step="attnforge sample RUN CAPTION --out FOLDER",
            )
        ) from error
