"""Printing to a terminal: all text is escaped here, wherever it comes from.

Captions, file names, recipes, archives and plugins may contain control characters, which terminals obey: they
clear lines, move the cursor, set titles, or reverse text. Whatever attnforge prints goes through `printable`.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Callable
from typing import TextIO

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters except tab and newline
    "\u2028\u2029"  # further line breaks
    "\u202a-\u202e\u2066-\u2069"  # these change the direction of the text that follows
    "\ud800-\udfff]"  # surrogates, which no encoding can write
)
_READER_GONE = frozenset({errno.EPIPE, errno.EIO, errno.EBADF})
"""A closed pipe, a terminal that hung up, a closed descriptor."""


def printable(text: str) -> str:
    """The text with control characters replaced by escapes such as `\\x1b`."""
    return _CONTROL.sub(lambda match: _escape(match[0]), text)


def print_text(
    text: object = "", *, err: bool = False, end: str = "\n", stream: TextIO | None = None
) -> None:
    """Print an escaped text; characters that the terminal's encoding lacks become escapes too.

    Args:
        text: What to print.
        err: Print to stderr, where a closed pipe is not an error.
        end: Printed after the text.
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
    except (OSError, ValueError):  # the pipe or the stream is closed
        if not lenient:
            raise


def print_json(data: object, *, indent: int = 2) -> None:
    """Print data as JSON, which is valid whatever the encoding of stdout and the characters in the data.

    Raises:
        OSError: stdout cannot be written.
    """
    encoding = ((sys.stdout and sys.stdout.encoding) or "utf-8").lower().replace("-", "")
    text = json.dumps(data, indent=indent, ensure_ascii=encoding != "utf8")
    print_text(_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


class LastingStream:
    """A stream that survives a closed pipe or terminal, for a run that must keep training.

    What cannot be written is dropped.

    Args:
        stream: Where to write.
        lost: Called when the pipe was closed or the terminal hung up.
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
        """The underlying file descriptor.

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
            if error.errno in _READER_GONE:
                self.stream = None
                self.lost()
        except ValueError:  # the stream is closed
            self.stream = None


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
