"""Reads COCO's json files of captions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attnforge.data.reading.fields import clean
from attnforge.data.reading.findings import Findings
from attnforge.data.reading.rows import Row

EXPECTED = '{"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": [{"image_id": 1, "caption": "red"}]}'


def read_annotations(found: Findings, path: Path, split: str | None) -> list[Row]:
    """The images of one json file that exist and have captions; all others are reported.

    Images are looked up in `images`, in the folder that the file is named after, such as `train2014`, and in
    that folder below `images`.

    Args:
        found: Collects the problems.
        path: The json file.
        split: Which split all its images belong to.
    """
    text = found.text(path, expected=EXPECTED)
    if text is None:
        return []
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg}"
        found.problem(code="bad-json", message=message, at=path, line=error.lineno, expected=EXPECTED)
        return []
    except (ValueError, RecursionError):
        message = "not JSON: a number is too long, or the nesting too deep"
        found.problem(code="bad-json", message=message, at=path, expected=EXPECTED)
        return []
    listed = [_list(found, path, content, key) for key in ("images", "annotations")]
    names = _file_names(found, path, listed[0])
    captions = _captions(found, path, listed[1], names)
    folders = _folders(path)
    rows = []
    for number, name in names.items():
        if not captions[number]:
            message = f"image {number}, {name}, has no caption"
            found.problem(code="no-captions", message=message, at=path, expected=EXPECTED)
        else:
            folder = next((it for it in folders if found.files.has(f"{it}/{name}")), folders[0])
            rows.append(Row(f"{folder}/{name}", tuple(captions[number]), None, None, split, None))
    return found.with_images(rows, at=path, folder=found.root / folders[0])


def _folders(path: Path) -> list[str]:
    photos = path.stem.rpartition("_")[2]
    return ["images", photos, f"images/{photos}"]


def _list(found: Findings, path: Path, content: Any, key: str) -> list[Any]:
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, list) or not value:
        message = f"it has no list `{key}`"
        found.problem(code="bad-annotations", message=message, at=path, expected=EXPECTED)
        return []
    return value


def _file_names(found: Findings, path: Path, images: list[Any]) -> dict[int, str]:
    names: dict[int, str] = {}
    for position, image in enumerate(images, start=1):
        number = image.get("id") if isinstance(image, dict) else None
        name = image.get("file_name") if isinstance(image, dict) else None
        if type(number) is not int or not isinstance(name, str):
            message = f"entry {position} of `images` has no `id` or no `file_name`"
            found.problem(code="bad-annotations", message=message, at=path, expected=EXPECTED)
        elif number in names:
            message = f"image {number} is in `images` twice"
            found.problem(code="bad-annotations", message=message, at=path, expected="one entry per image")
        elif found.inside(name, at=path):
            names[number] = name
    return names


def _captions(
    found: Findings, path: Path, annotations: list[Any], names: dict[int, str]
) -> dict[int, list[str]]:
    """The captions of each image, in any number."""
    captions: dict[int, list[str]] = {number: [] for number in names}
    for position, annotation in enumerate(annotations, start=1):
        number = annotation.get("image_id") if isinstance(annotation, dict) else None
        caption = annotation.get("caption") if isinstance(annotation, dict) else None
        if not isinstance(number, int) or not isinstance(caption, str):
            message = f"entry {position} of `annotations` has no `image_id` or no `caption`"
            found.problem(code="bad-annotations", message=message, at=path, expected=EXPECTED)
        elif number not in names:
            message = f"entry {position} of `annotations` is for image {number}, which is not in `images`"
            found.problem(code="bad-annotations", message=message, at=path, expected=EXPECTED)
        elif cleaned := clean(caption):
            captions[number].append(cleaned)
        else:
            message = f"entry {position} of `annotations` is empty and was skipped"
            found.remark(code="empty-caption", message=message, at=path)
    return captions
