"""Reads a file of captions block by block, after one pass that checks every line.

A text file has a caption on each line. A `.jsonl` file has an object on each line, with `caption` or `text`
and whatever else the model needs by name, such as `box`; other keys are ignored. Memory holds the place of
each block, not its captions.
"""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from jaxtyping import Float
from torch import Tensor

from attnforge.data.encoding import UnknownWords, unknown_caption
from attnforge.data.extras import Shapes, read_extras
from attnforge.errors import AttnforgeError, DataError, Place, Problem
from attnforge.interfaces import Tokenizer

MAX_LINE_BYTES = 1 << 20
MAX_PROBLEMS = 20
"""Lines that an error lists; the others are counted."""
CAPTION_KEYS = ("caption", "text")
HOW = '{"caption": ..., "NAME": [NUMBERS]} in the file, or --with NAME=NUMBERS for all lines'


@dataclass(frozen=True, slots=True)
class CaptionLine:
    """One caption of a file."""

    number: int
    """Its line, counted from 1."""
    caption: str
    tokens: int
    """How many words of it the vocabulary has; a caption with none is skipped or refused."""
    extras: Mapping[str, Float[Tensor, "1 *shape"]] = field(default_factory=dict)
    """What its images are to show besides, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCaptions:
    """A file of captions whose lines were checked: plain values, which can be sent to other processes."""

    digest: str
    """SHA-256 of the file."""
    lines: int
    skipped: int
    """Lines without a known word."""
    unknown: UnknownWords
    block_lines: int
    offsets: Sequence[int]
    """Where each block begins in the file, in bytes."""
    usable: Sequence[int]
    """How many lines of each block are not skipped."""
    stamp: tuple[int, int]
    """Size and time of the file, which must not change before the last block is read."""

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self.offsets)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionReader:
    """How the lines of a file are understood.

    Args:
        path: The file.
        tokenizer: Counts the words of a caption that are known.
        shapes: The extras that the model needs.
        extras: Values for lines without their own, by name.
        completed: Names of the extras that the generator completes where a line lacks them.
        skip_unknown: Whether lines without a known word are skipped rather than refused.
    """

    path: Path
    tokenizer: Tokenizer
    shapes: Shapes = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)
    completed: frozenset[str] = frozenset()
    skip_unknown: bool = False

    def check(self, *, block_lines: int) -> CheckedCaptions:
        """Read the whole file once.

        Raises:
            DataError: it cannot be read, is empty, or has lines that cannot be used; the first are listed.
        """
        if problems := self._wrong_extras():
            raise DataError(problems)
        digest, offsets, usable = hashlib.sha256(), array("Q"), array("Q")
        words: Counter[str] = Counter()
        place = lines = skipped = bad = affected = 0
        with _opened(self.path) as file:
            stamp = _stamp(file)
            for raw in _raw_lines(file, self.path):
                if lines % block_lines == 0:
                    offsets.append(place)
                    usable.append(0)
                lines += 1
                place += len(raw)
                digest.update(raw)
                try:
                    line = self.line(raw, lines)
                except DataError as error:
                    bad += 1
                    problems += error.problems[: MAX_PROBLEMS - len(problems)]
                    continue
                usable[-1] += line.tokens > 0
                skipped += not line.tokens
                unknown = self.tokenizer.unknown(line.caption)
                affected += bool(unknown)
                words.update(unknown)
        if bad > len(problems):
            message = f"{bad - len(problems):,} more lines of {self.path} cannot be used"
            problems.append(Problem("caption-lines", message, Place(str(self.path))))
        if problems:
            raise DataError(problems)
        if lines == skipped:
            message = f"{self.path} has no caption with a known word" if lines else f"{self.path} is empty"
            expected = "a caption on each line"
            raise DataError(Problem("captions-empty", message, Place(str(self.path)), expected))
        return CheckedCaptions(
            digest=digest.hexdigest(),
            lines=lines,
            skipped=skipped,
            unknown=UnknownWords(dict(words.most_common()), affected, lines),
            block_lines=block_lines,
            offsets=offsets,
            usable=usable,
            stamp=stamp,
        )

    def block(self, captions: CheckedCaptions, number: int) -> list[CaptionLine]:
        """The captions of a block of the checked file, those without a known word left out.

        Raises:
            DataError: the file was changed since it was checked.
        """
        with _opened(self.path) as file:
            if _stamp(file) != captions.stamp:
                message = f"{self.path} was changed while its captions were sampled"
                expected = "a file that stays as it is, or another --out for the images of the new one"
                raise DataError(Problem("captions-changed", message, Place(str(self.path)), expected))
            file.seek(captions.offsets[number])
            first = number * captions.block_lines + 1
            numbers = range(first, min(first + captions.block_lines, captions.lines + 1))
            lines = [self.line(file.readline(MAX_LINE_BYTES), line) for line in numbers]
        return [line for line in lines if line.tokens]

    def line(self, raw: bytes, number: int) -> CaptionLine:
        """Understand one line.

        Raises:
            DataError: it is not a caption with what the model needs.
        """
        place = Place(str(self.path), number)
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            message = f"the line is not UTF-8: {error.reason} at byte {error.start + 1}"
            raise DataError(Problem("caption-lines", message, place, "text in UTF-8")) from error
        caption, values = self._fields(text, place) if self.path.suffix == ".jsonl" else (text, {})
        tokens = len(self.tokenizer.encode(caption))
        if not tokens and not self.skip_unknown:
            excerpt = Place(str(self.path), number, 1, text[:120])
            problem = unknown_caption(self.tokenizer, caption, place=excerpt)
            raise DataError(replace(problem, expected=f"{problem.expected}, or --skip-unknown"))
        if not self.shapes:
            return CaptionLine(number, caption, tokens)
        own = {name: values[name] for name in self.shapes if name in values}
        try:
            extras = read_extras(
                self.shapes, {**self.extras, **own}, captions=1, how=HOW, completed=self.completed
            )
        except AttnforgeError as error:
            problems = [
                Problem(problem.code, problem.message, place, problem.expected) for problem in error.problems
            ]
            raise DataError(problems) from error
        return CaptionLine(number, caption, tokens, extras)

    def _wrong_extras(self) -> list[Problem]:
        """The problems of values for all lines: names that the model does not take, and other shapes."""
        known = {name: shape for name, shape in self.shapes.items() if name in self.extras}
        try:
            read_extras(known, self.extras, captions=1, how=HOW, completed=self.completed)
        except AttnforgeError as error:
            return list(error.problems)
        return []

    def _fields(self, text: str, place: Place) -> tuple[str, Mapping[str, Any]]:
        expected = 'an object such as {"caption": "a red bird"}'
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            message = f"the line is not JSON: {error}"
            raise DataError(Problem("caption-lines", message, place, expected)) from error
        texts = [values[key] for key in CAPTION_KEYS if key in values] if isinstance(values, dict) else []
        if len(texts) == 1 and isinstance(texts[0], str):
            return texts[0], values
        message = "the line is not an object with one `caption` or `text` that is a string"
        raise DataError(Problem("caption-lines", message, place, expected))


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        expected = "a text file with a caption on each line, or a .jsonl file"
        raise DataError(
            Problem("captions-unreadable", message, Place(str(path)), expected, f"ls -l {path}")
        ) from error


def _stamp(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _raw_lines(file: BinaryIO, path: Path) -> Iterator[bytes]:
    number = 0
    while raw := file.readline(MAX_LINE_BYTES):
        number += 1
        if len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n"):
            message = f"the line is longer than {MAX_LINE_BYTES:,} bytes"
            raise DataError(
                Problem("caption-lines", message, Place(str(path), number), "a caption on each line")
            )
        yield raw
