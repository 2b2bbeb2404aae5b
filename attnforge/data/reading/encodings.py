"""Reads text files that other tools wrote, in UTF-8, in UTF-16 or in an encoding that is named."""

from __future__ import annotations

import codecs
import shlex
from pathlib import Path

from attnforge.errors import DataError, Place, Problem

UTF_8 = "utf-8"
COMMON = "cp1252"
"""What spreadsheets of western languages write on Windows: suggested where a file is not UTF-8."""


def text_of(path: Path, *, root: Path, encoding: str = UTF_8) -> str:
    """The text of a file without its byte order mark, which also shows UTF-16.

    Args:
        path: The file.
        root: The folder that is converted, for the command of the error.
        encoding: What the file is written in unless a mark shows otherwise.

    Raises:
        OSError: the file cannot be read.
        DataError: its bytes are not text in that encoding.
    """
    content = path.read_bytes()
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    name = codecs.lookup(encoding).name
    chosen = "utf-16" if marked else "utf-8-sig" if name == UTF_8 else name
    try:
        return content.decode(chosen)
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not {chosen.removesuffix('-sig').upper()}"
        line = None if marked else content[: error.start].count(b"\n") + 1
        expected = "a file in UTF-8, or the name of its encoding"
        step = f"attnforge data convert {shlex.quote(str(root))} --encoding {COMMON}"
        raise DataError(
            Problem("metadata-encoding", message, Place(str(path), line), expected, step)
        ) from error
