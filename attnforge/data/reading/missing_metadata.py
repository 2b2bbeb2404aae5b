"""Diagnoses a folder without exactly one metadata file; recognises captions that lie elsewhere."""

from __future__ import annotations

import json
import shlex
from itertools import islice
from pathlib import Path

from attnforge.data.reading.caption_files import caption_files
from attnforge.data.reading.class_folders import class_of
from attnforge.data.reading.encodings import text_of
from attnforge.data.reading.fields import clean
from attnforge.data.reading.files import IMAGE_SUFFIXES, images_below, no_folder
from attnforge.data.reading.other_tables import tables_of
from attnforge.errors import DataError, Place, Problem

MAX_IMAGES = 10_000
"""Images of a folder that are examined."""
EXAMPLE = 'lines such as {"file_name": "one.png", "captions": ["a red apple"]} in metadata.jsonl'


def metadata_problem(root: Path) -> Problem:
    """The problem of a folder that has no metadata file."""
    place = Place(str(root))
    if not root.is_dir():
        return no_folder(root)
    message = "the folder has neither metadata.jsonl nor metadata.csv"
    step = f"attnforge data convert {shlex.quote(str(root))}"
    images = tuple(islice(images_below(root), MAX_IMAGES))
    if elsewhere := _captions_elsewhere(root, images):
        reason, expected = elsewhere
        return Problem("no-metadata", f"{message}{reason}", place, expected, step)
    if not images:
        expected = f"images ({', '.join(sorted(IMAGE_SUFFIXES))}), and {EXAMPLE}"
        return Problem("no-metadata", f"{message}, and no images", place, expected)
    if len({class_of(image) for image in images} - {""}) > 1:
        reason = "; its images are in folders that may be named after what they show"
        step += " --caption 'a photo of a {class}'"
        return Problem("no-metadata", f"{message}{reason}", place, EXAMPLE, step)
    return Problem("no-metadata", f"{message}, and nothing else describes its images", place, EXAMPLE)


def _captions_elsewhere(root: Path, images: tuple[str, ...]) -> tuple[str, str] | None:
    """Where captions seem to be, and the equivalent line of a metadata file."""
    if texts := caption_files(root, images):
        image, text = min(texts.items(), key=lambda pair: (pair[1], pair[0]))
        where = "beside" if Path(image).parent == Path(text).parent else "called as"
        reason = f"; text files {where} the images, such as {text}, are ignored"
        return reason, f"their captions in metadata.jsonl: {_line(root, image, text)}"
    if tables := tables_of(root):
        return (
            f"; {tables[0].name} is ignored",
            "the same content as metadata.jsonl, or as metadata.csv with commas",
        )
    return None


def _line(root: Path, image: str, text: str) -> str:
    try:
        texts = [clean(line) for line in text_of(root / text, root=root).splitlines()[:10]]
    except (OSError, DataError):
        texts = []
    shown = [caption[:60] for caption in texts if caption][:2] or ["a red apple"]
    return json.dumps({"file_name": image, "captions": shown}, ensure_ascii=False)
