"""Writes generated images to files, with an attention sheet of each and a contact sheet of the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attnforge.errors import Problem, RunError
from attnforge.names import caption_name
from attnforge.sampling.generated import GeneratedImage
from attnforge.sheets.pages import attention_sheet, contact_sheet
from attnforge.sheets.swaps import swap_sheet

SHEET_IMAGES = 64
"""Images on the contact sheet, such as eight noises of eight captions; more would be hard to compare."""
SHEET = "sheet.png"


def write_images(samples: Iterable[GeneratedImage], folder: Path, *, attention: bool) -> Iterator[Path]:
    """Write PNG files one after another, last the sheet of the first `SHEET_IMAGES`, and yield their paths.

    Each file is complete when its path is yielded, and only the samples on the sheet are kept in memory.

    Raises:
        RunError: the folder cannot be written.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    shown: list[GeneratedImage] = []
    for sample in samples:
        yield from _write(sample, folder, attention=attention)
        if len(shown) <= SHEET_IMAGES:
            shown.append(sample)
    if shown:
        with _writing(folder):
            contact_sheet(on_sheet(shown), folder / SHEET)
        yield folder / SHEET


def on_sheet(samples: Sequence[GeneratedImage]) -> Sequence[GeneratedImage]:
    """Those of the first images that a sheet has room for; not a part of a caption's, unless it is the only.

    Args:
        samples: At least one more than the sheet has room for, if there are so many.
    """
    if len(samples) <= SHEET_IMAGES or samples[0].caption == samples[SHEET_IMAGES].caption:
        return samples[:SHEET_IMAGES]
    cut = samples[SHEET_IMAGES].caption
    return [sample for sample in samples[:SHEET_IMAGES] if sample.caption != cut]


def write_swaps(rows: Sequence[Sequence[GeneratedImage]], path: Path) -> Path:
    """Write the sheet of a caption with words swapped, and return its path; see `swap_sheet`.

    Args:
        rows: The images of each caption.
        path: A PNG file, or a folder, where the file is named after the captions.

    Raises:
        RunError: it cannot be written.
    """
    if path.suffix.lower() != ".png":
        name = caption_name("; ".join(samples[0].caption for samples in rows))
        path = path / f"swap-{name}-seed{rows[0][0].seed}.png"
    write_page(path, lambda: swap_sheet(rows, path))
    return path


def write_animation(samples: Sequence[GeneratedImage], path: Path, *, milliseconds: int) -> None:
    """Write a GIF that shows the largest images one after another, without end.

    Args:
        samples: The images, at least one.
        path: The file to write; its folder must exist.
        milliseconds: How long each image is shown.
    """
    first, *others = [sample.image for sample in samples]
    first.save(path, format="GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)


def write_page(path: Path, write: Callable[[], object]) -> None:
    """Write one file, in a folder that is made if there is none.

    Raises:
        RunError: the folder cannot be written.
    """
    with _writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write()


def _write(sample: GeneratedImage, folder: Path, *, attention: bool) -> Iterator[Path]:
    name = f"{caption_name(sample.caption)}-seed{sample.seed}-{sample.index}"
    with _writing(folder):
        image = folder / f"{name}.png"
        sample.image.save(image)
    yield image
    if attention:
        with _writing(folder):
            sheet = folder / f"{name}-attention.png"
            attention_sheet(sample, sheet)
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
                expected="a writable folder with room for the images",
                next_step="attnforge sample RUN CAPTION --out FOLDER",
            )
        ) from error
