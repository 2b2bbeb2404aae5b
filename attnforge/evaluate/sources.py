"""Tells a folder of images from a run."""

from __future__ import annotations

from pathlib import Path

from attnforge.data.reading.files import IMAGE_SUFFIXES
from attnforge.errors import Place, Problem, RunError
from attnforge.storage.locating import enclosing_run, is_checkpoint, is_run


def is_image_folder(path: Path) -> bool:
    """Whether a path is a folder of images, and not a run, nor a checkpoint, nor missing.

    Raises:
        RunError: it is a file, or a folder that is none of these and lies in no run.
    """
    if not path.exists() or is_checkpoint(path) or is_run(path):
        return False
    if path.is_dir() and any(file.suffix.lower() in IMAGE_SUFFIXES for file in path.rglob("*")):
        return True
    if enclosing_run(path) is None:
        raise RunError(_neither(path))
    return False


def _neither(path: Path) -> Problem:
    reason = "it has neither a recipe.lock.yaml nor an image" if path.is_dir() else "it is a file"
    suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
    return Problem(
        code="not-a-run",
        message=f"{path} is neither a run nor a folder of images: {reason}",
        place=Place(str(path)),
        expected=f"a folder that `attnforge train` printed; or one with images ({suffixes}), and with a "
        'metadata.jsonl of lines {"file_name": ..., "text": ...} for metrics of captions',
        next_step=f"ls {path if path.is_dir() else path.parent}",
    )
