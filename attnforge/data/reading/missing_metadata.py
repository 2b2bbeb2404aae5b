"""Diagnoses a folder without exactly one metadata file; recognises captions that lie elsewhere."""

from __future__ import annotations

import json
import shlex
from itertools import islice
from pathlib import Path

from attnforge.data.reading.fields import clean
from attnforge.data.reading.files import IMAGE_SUFFIXES
from attnforge.errors import Place, Problem

TABLE_SUFFIXES = (".jsonl", ".csv", ".tsv", ".json", ".parquet")
"""Extensions of files that may hold captions."""
MAX_CLASS_FOLDERS = 20
"""Folders, and files of each, that are examined."""
MAX_LISTED_FILES = 10_000
"""Files of a folder that are examined."""


def metadata_problem(root: Path) -> Problem:
    """The problem of a folder that has no metadata file."""
    place = Place(str(root))
    if not root.is_dir():
        return Problem("no-folder", "the folder does not exist", place, "a folder with images")
    message = "the folder has neither metadata.jsonl nor metadata.csv"
    example = 'lines such as {"file_name": "one.png", "captions": ["a red apple"]} in metadata.jsonl'
    reason, expected = _captions_elsewhere(root) or ("", example)
    step = f"attnforge data convert {shlex.quote(str(root))}"
    if not reason and _in_class_folders(root):
        reason = "; its images are in folders that may be named after what they show"
        step += " --caption 'a photo of a {class}'"
    return Problem("no-metadata", f"{message}{reason}", place, expected, step)


def _in_class_folders(root: Path) -> bool:
    """Whether the folders in it hold images."""
    folders = islice((path for path in root.iterdir() if path.is_dir()), MAX_CLASS_FOLDERS)
    files = (file for folder in folders for file in islice(folder.iterdir(), MAX_CLASS_FOLDERS))
    return any(file.suffix.lower() in IMAGE_SUFFIXES for file in files)


def _captions_elsewhere(root: Path) -> tuple[str, str] | None:
    """Where captions seem to be, and the equivalent line of a metadata file."""
    names = sorted(islice((path.name for path in root.iterdir() if not path.is_dir()), MAX_LISTED_FILES))
    stems = {Path(name).stem: name for name in names if Path(name).suffix.lower() in IMAGE_SUFFIXES}
    if beside := [name for name in names if name.endswith(".txt") and Path(name).stem in stems]:
        reason = f"; text files beside the images, such as {beside[0]}, are ignored"
        image = stems[Path(beside[0]).stem]
        return reason, f"their captions in metadata.jsonl: {_line(image, root / beside[0])}"
    tables = [name for name in names if Path(name).suffix.lower() in TABLE_SUFFIXES]
    if tables:
        return (
            f"; {tables[0]} is ignored",
            "the same content as metadata.jsonl, or as metadata.csv with commas",
        )
    return None


def _line(image: str, captions: Path) -> str:
    try:
        texts = [clean(line) for line in captions.read_text(encoding="utf-8-sig").splitlines()[:10]]
    except (OSError, UnicodeDecodeError):
        texts = []
    shown = [text[:60] for text in texts if text][:2] or ["a red apple"]
    return json.dumps({"file_name": image, "captions": shown}, ensure_ascii=False)
