"""What to do about a folder without one metadata file: captions that lie elsewhere are recognised."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from attnforge.data.fields import clean
from attnforge.data.files import IMAGE_SUFFIXES
from attnforge.errors import Place, Problem

NAMES = ("metadata.jsonl", "metadata.csv")
TABLES = (".jsonl", ".csv", ".tsv", ".json", ".parquet")
"""How the names of files end that may hold captions."""
LOOKED_AT = 10_000
"""Files of a folder that are looked at for what it is."""


def without_one_file(root: Path, sources: Sequence[Path]) -> Problem:
    """The problem of a folder that has no metadata file, or two."""
    place = Place(str(root))
    if sources:
        message = "there are both a metadata.jsonl and a metadata.csv"
        return Problem("two-metadata-files", message, place, "one of them")
    if not root.is_dir():
        return Problem("no-folder", "there is no such folder", place, "a folder with images")
    message = "there is no metadata.jsonl and no metadata.csv in this folder"
    example = 'lines such as {"file_name": "one.png", "captions": ["a red apple"]} in metadata.jsonl'
    reason, better = _captions_elsewhere(root) or ("", example)
    return Problem("no-metadata", f"{message}{reason}", place, better)


def _captions_elsewhere(root: Path) -> tuple[str, str] | None:
    """Where captions seem to be, and the line of a metadata file that would say the same."""
    names = sorted(islice((path.name for path in root.iterdir() if not path.is_dir()), LOOKED_AT))
    folders = sorted(path for path in root.iterdir() if path.is_dir())
    if split := next((one for one in folders if any((one / name).is_file() for name in NAMES)), None):
        reason = f"; one lies in {split.name}, where it is not read"
        line = json.dumps(
            {"file_name": f"{split.name}/one.png", "captions": ["a red apple"], "split": "train"}
        )
        return reason, f"one file for all splits, with lines such as {line}"
    stems = {Path(name).stem: name for name in names if Path(name).suffix.lower() in IMAGE_SUFFIXES}
    if beside := [name for name in names if name.endswith(".txt") and Path(name).stem in stems]:
        reason = f"; text files such as {beside[0]} lie beside images of the same name, and are not read"
        image = stems[Path(beside[0]).stem]
        return reason, f"their texts in metadata.jsonl: {_line(image, root / beside[0])}"
    others = [
        name for name in names if Path(name).suffix.lower() in (".jsonl", ".csv", ".tsv", ".json", ".parquet")
    ]
    if others:
        return f", but {others[0]}", "the same content as metadata.jsonl, or as metadata.csv with commas"
    return None


def _line(image: str, captions: Path) -> str:
    try:
        texts = [clean(line) for line in captions.read_text(encoding="utf-8-sig").splitlines()[:10]]
    except (OSError, UnicodeDecodeError):
        texts = []
    shown = [text[:60] for text in texts if text][:2] or ["a red apple"]
    return json.dumps({"file_name": image, "captions": shown}, ensure_ascii=False)
