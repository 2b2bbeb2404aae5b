"""Rows of metadata as plain arrays, for files of them; nothing in such a file is believed unchecked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from attnforge.data.reading.rows import NO_CLASS, Rows
from attnforge.data.reading.text_column import TextColumn


def columns_of(rows: Rows) -> dict[str, Any]:
    """The arrays of some rows; their sources are left out."""
    arrays: dict[str, Any] = {
        "file_names": rows.file_names.content,
        "file_name_ends": rows.file_names.ends,
        "captions": rows.captions.content,
        "text_ends": rows.captions.ends,
        "caption_ends": rows.caption_ends,
        "class_ids": rows.class_ids,
        "split_codes": rows.split_codes,
        "splits": np.frombuffer(json.dumps(rows.splits).encode(), dtype=np.uint8),
        "lines": rows.lines,
    }
    return arrays if rows.boxes is None else arrays | {"boxes": rows.boxes}


def rows_of(arrays: Mapping[str, Any], *, source: Path) -> Rows:
    """The rows of some arrays, which a source has.

    Raises:
        ValueError: the arrays do not fit together.
        KeyError: an array is missing.
    """
    lines = _checked(arrays["lines"], np.int64)
    count = len(lines)
    file_names = _column(arrays["file_names"], arrays["file_name_ends"], count)
    caption_ends = _checked(arrays["caption_ends"], np.int64, count + 1)
    texts = _column(arrays["captions"], arrays["text_ends"], int(caption_ends[-1]))
    if caption_ends[0] != 0 or (np.diff(caption_ends) < 1).any():
        raise ValueError("an image has no caption")
    splits = tuple(json.loads(_checked(arrays["splits"], np.uint8).tobytes()))
    codes = _checked(arrays["split_codes"], np.uint8, count)
    if not set(splits) <= {"train", "test"} or codes.max(initial=0) > len(splits):
        raise ValueError("unknown splits")
    class_ids = _checked(arrays["class_ids"], np.int64, count)
    if class_ids.min(initial=0) < NO_CLASS:
        raise ValueError("a class below 0")
    boxes = arrays.get("boxes")
    if boxes is not None and (boxes.shape != (count, 4) or boxes.dtype != np.float64):
        raise ValueError("boxes do not match")
    return Rows(
        file_names=file_names,
        captions=texts,
        caption_ends=caption_ends,
        class_ids=class_ids,
        boxes=boxes,
        split_codes=codes,
        splits=splits,
        lines=lines,
        source_codes=np.ones(count, dtype=np.int32),
        sources=(source,),
    )


def _column(content: Any, ends: Any, count: int) -> TextColumn:
    letters, checked = _checked(content, np.uint8), _checked(ends, np.int64, count + 1)
    if checked[0] != 0 or checked[-1] != len(letters) or (np.diff(checked) < 0).any():
        raise ValueError("the ends of texts do not match their bytes")
    column = TextColumn(letters, checked)
    for _ in column:  # every text must be UTF-8
        pass
    return column


def _checked(array: Any, kind: Any, length: int | None = None) -> Any:
    if array.dtype != kind or array.ndim != 1 or (length is not None and len(array) != length):
        raise ValueError("an array has another type or length")
    return array
