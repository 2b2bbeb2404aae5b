"""Reads the pickles of official releases without running anything that they ask for.

A pickle is a program. Those of AttnGAN's release, written by Python 2, hold lists, dicts, texts and whole
numbers, some of them as numpy scalars; two symbols stand for these. Both are replaced here by objects
that only decode bytes, and every other symbol is refused by its name.
"""

from __future__ import annotations

import pickle
import re
import struct
from pathlib import Path
from typing import Any, Never

from attnforge.errors import DataError, Place, Problem

EXPECTED = "lists, dicts, texts and whole numbers only"
SCALARS = {
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
}
BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    MemoryError,
    ImportError,
    RecursionError,
    struct.error,
)
"""What the standard library raises on files that are cut short or are no pickles."""


def read_pickle(path: Path) -> object:
    """What a pickle of any protocol holds, numpy's whole numbers as `int`.

    Texts that Python 2 wrote as bytes are decoded as latin-1.

    Raises:
        DataError: the file is missing, damaged, or asks for anything but lists, dicts, texts and numbers.
    """
    place = Place(str(path))
    try:
        with path.open("rb") as opened:
            content = _Restricted(opened, encoding="latin1").load()
        _refuse_other_values(content)
    except FileNotFoundError as error:
        raise DataError(Problem("missing-file", f"there is no file {path}", place)) from error
    except OSError as error:
        message = f"the pickle {path} cannot be read: {error.strerror}"
        raise DataError(Problem("broken-pickle", message, place, "a readable file")) from error
    except _RefusedError as error:
        message = f"the pickle asks for {error}, which is not allowed; nothing of it was run"
        raise DataError(Problem("unsafe-pickle", message, place, EXPECTED)) from error
    except BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        message = f"the pickle {path} cannot be read: {reason}"
        raise DataError(Problem("broken-pickle", message, place, "a whole file of the release")) from error
    return content


class _RefusedError(Exception):
    """Names what a pickle asked for."""


class _Restricted(pickle.Unpickler):
    """Knows the two symbols of a numpy scalar."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) in SCALARS:
            return _Scalar()
        if (module_name, global_name) == ("numpy", "dtype"):
            return _NumberTypes()
        raise _RefusedError(f"{module_name}.{global_name}")

    def persistent_load(self, pid: Any) -> Never:
        raise _RefusedError("an object from outside the file")


class _Unchangeable:
    """What a pickle may call; it cannot give it another state."""

    __slots__ = ()

    def __setstate__(self, state: object) -> Never:
        raise _RefusedError(f"a change of {type(self).__name__.strip('_').lower()}")


class _NumberType:
    """How a whole number lies in bytes."""

    __slots__ = ("format",)

    def __init__(self, name: str) -> None:
        found = re.fullmatch(r"([<>|=]?)([iu])([1248])", name)
        if found is None:
            raise _RefusedError(f"the number type {name}")
        order, sign, width = found.groups()
        letter = {1: "b", 2: "h", 4: "i", 8: "q"}[int(width)]
        self.format = (">" if order == ">" else "<") + (letter if sign == "i" else letter.upper())

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        # numpy keeps the byte order here and not in the name
        if state[1] == ">":
            self.format = ">" + self.format[1:]


class _NumberTypes(_Unchangeable):
    """Stands for `numpy.dtype`."""

    __slots__ = ()

    def __call__(self, name: str, *_: object) -> _NumberType:
        return _NumberType(str(name))


class _Scalar(_Unchangeable):
    """Stands for numpy's maker of scalars."""

    __slots__ = ()

    def __call__(self, kind: _NumberType, content: bytes | str) -> int:
        raw = content.encode("latin1") if isinstance(content, str) else content
        return int(struct.unpack(kind.format, raw)[0])


def _refuse_other_values(content: object) -> None:
    """Look at every value once; a list may hold itself.

    Raises:
        UnicodeEncodeError: a text holds half of a character.
    """
    waiting, seen = [content], set[int]()
    while waiting:
        value = waiting.pop()
        if isinstance(value, list | dict):
            if id(value) not in seen:
                seen.add(id(value))
                waiting += value if isinstance(value, list) else [*value, *value.values()]
        elif isinstance(value, str):
            if not value.isascii():
                value.encode()  # half of a character, which no file could be written with later
        elif not isinstance(value, int):
            raise _RefusedError(f"a value of the type {type(value).__name__.strip('_')}")
