"""Text on its way to a terminal: escaped once, here, whoever wrote it.

Captions, file names, recipes, archives and plugins may hold control characters, which a terminal obeys: they
clear lines, move the cursor, set titles, or turn text around. Whatever attnforge prints passes `printable`.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Callable
from typing import TextIO

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but for tab and newline
    "\u2028\u2029"  # further line breaks
    "\u202a-\u202e\u2066-\u2069"  # these turn the direction of what follows
    "\ud800-\udfff]"  # halves of characters, which no encoding can write
)
_NOBODY_READS = frozenset({errno.EPIPE, errno.EIO, errno.EBADF})
"""A closed pipe, a terminal that hung up, a closed descriptor."""


def printable(text: str) -> str:
    """The text with every character that a terminal would obey as an escape such as `\\x1b`."""
    return _OBEYED.sub(lambda match: _escape(match[0]), text)


def print_text(
    text: object = "", *, err: bool = False, end: str = "\n", stream: TextIO | None = None
) -> None:
    """Print a text that is safe to show; characters that the terminal's encoding lacks become escapes.

    Args:
        text: What to print.
        err: On stderr, where a reader who has gone is no error.
        end: What follows it.
        stream: Another stream, treated like stderr.

    Raises:
        OSError: stdout cannot be written.
    """
    lenient = err or stream is not None
    stream = stream or (sys.stderr if err else sys.stdout)
    if stream is None:
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    shown = printable(str(text)).encode(encoding, "backslashreplace").decode(encoding)
    try:
        print(shown, end=end, file=stream)
    except (OSError, ValueError):  # nobody reads, or somebody closed it
        if not lenient:
            raise


def print_json(data: object, *, indent: int = 2) -> None:
    """Print data as JSON, which stays valid whatever the encoding of stdout and the characters in it.

    Raises:
        OSError: stdout cannot be written.
    """
    encoding = ((sys.stdout and sys.stdout.encoding) or "utf-8").lower().replace("-", "")
    text = json.dumps(data, indent=indent, ensure_ascii=encoding != "utf8")
    print_text(_OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


class LastingStream:
    """A stream for whoever must not fail because nobody reads any more, such as a run that trains.

    What cannot be written is dropped.

    Args:
        stream: Where to write.
        lost: Called when the reader has gone: a pipe was closed, or a terminal hung up.
    """

    def __init__(self, stream: TextIO | None, *, lost: Callable[[], object]) -> None:
        self.stream = stream
        self.lost = lost
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write, or drop."""
        self._attempt(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, or drop."""
        self._attempt(lambda stream: stream.flush())

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.stream is not None and self.stream.isatty()

    def fileno(self) -> int:
        """The descriptor beneath.

        Raises:
            OSError: there is none.
        """
        if self.stream is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self.stream.fileno()

    def _attempt(self, use: Callable[[TextIO], object]) -> None:
        if self.stream is None:
            return
        try:
            use(self.stream)
        except OSError as error:
            if error.errno in _NOBODY_READS:
                self.stream = None
                self.lost()
        except ValueError:  # somebody closed it
            self.stream = None


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
