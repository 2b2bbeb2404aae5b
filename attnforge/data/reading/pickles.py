"""Reads the pickles of official releases without executing anything in them.

A pickle is a program. Those of AttnGAN's release, written by Python 2, hold lists, dicts, strings and
integers, some of them as numpy scalars, which take two symbols. Both are replaced here by objects that only
decode bytes, and every other symbol is refused by its name.
"""

from __future__ import annotations

import pickle
import re
import struct
from pathlib import Path
from typing import Any, Never

from attnforge.errors import DataError, Place, Problem

EXPECTED = "only lists, dicts, strings and integers"
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
"""What the standard library raises for files that are truncated or are not pickles."""


def read_pickle(path: Path) -> object:
    """What a pickle of any protocol holds, numpy's integers as `int`.

    Strings that Python 2 wrote as bytes are decoded as latin-1.

    Raises:
        DataError: the file is missing, damaged, or holds anything but lists, dicts, strings and integers.
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
        message = f"the pickle asks for {error}, which is not allowed; nothing in it was executed"
        raise DataError(Problem("unsafe-pickle", message, place, EXPECTED)) from error
    except BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        message = f"the pickle {path} cannot be read: {reason}"
        raise DataError(Problem("broken-pickle", message, place, "an intact file of the release")) from error
    return content


class _RefusedError(Exception):
    """Names what a pickle asked for."""


class _Restricted(pickle.Unpickler):
    """Resolves only the two symbols of a numpy scalar."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) in SCALARS:
            return _Scalar()
        if (module_name, global_name) == ("numpy", "dtype"):
            return _Dtype()
        raise _RefusedError(f"{module_name}.{global_name}")

    def persistent_load(self, pid: Any) -> Never:
        raise _RefusedError("an object from outside the file")


class _Immutable:
    """A callable whose state a pickle cannot change."""

    __slots__ = ()

    def __setstate__(self, state: object) -> Never:
        raise _RefusedError(f"a change of {type(self).__name__.strip('_').lower()}")


class _IntegerType:
    """The byte format of an integer."""

    __slots__ = ("format",)

    def __init__(self, name: str) -> None:
        match = re.fullmatch(r"([<>|=]?)([iu])([1248])", name)
        if match is None:
            raise _RefusedError(f"the number type {name}")
        order, sign, width = match.groups()
        letter = {1: "b", 2: "h", 4: "i", 8: "q"}[int(width)]
        self.format = (">" if order == ">" else "<") + (letter if sign == "i" else letter.upper())

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        # numpy stores the byte order here, not in the name
        if state[1] == ">":
            self.format = ">" + self.format[1:]


class _Dtype(_Immutable):
    """Replaces `numpy.dtype`."""

    __slots__ = ()

    def __call__(self, name: str, *_: object) -> _IntegerType:
        return _IntegerType(str(name))


class _Scalar(_Immutable):
    """Replaces numpy's constructor of scalars."""

    __slots__ = ()

    def __call__(self, kind: _IntegerType, content: bytes | str) -> int:
        raw = content.encode("latin1") if isinstance(content, str) else content
        return int(struct.unpack(kind.format, raw)[0])


def _refuse_other_values(content: object) -> None:
    """Check every value once; a list may contain itself.

    Raises:
        UnicodeEncodeError: a string has a lone surrogate.
    """
    pending, seen = [content], set[int]()
    while pending:
        value = pending.pop()
        if isinstance(value, list | dict):
            if id(value) not in seen:
                seen.add(id(value))
                pending += value if isinstance(value, list) else [*value, *value.values()]
        elif isinstance(value, str):
            if not value.isascii():
                value.encode()  # a lone surrogate could not be written to a file later
        elif not isinstance(value, int):
            raise _RefusedError(f"a value of the type {type(value).__name__.strip('_')}")
