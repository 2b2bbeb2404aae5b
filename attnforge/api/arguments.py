"""Checks what Python users pass: a value of another type is refused by the name of its argument."""

from __future__ import annotations

import errno
import numbers
import operator
import os
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from attnforge.errors import AttnforgeError, Problem


def refused(name: str, value: object, expected: str) -> AttnforgeError:
    """The error of an argument that is something else than what it should be.

    Args:
        name: The argument, or an item of it such as `captions[1]`.
        value: What was passed.
        expected: What would have been valid.
    """
    shown = " ".join(reprlib.repr(value).split())  # arrays have several lines
    return AttnforgeError(Problem("bad-argument", f"`{name}` is {shown}", expected=expected))


def text(name: str, value: object, *, expected: str = "a text") -> str:
    """A text, also one of NumPy.

    Args:
        name: The argument.
        value: What was passed.
        expected: What it should be.

    Raises:
        AttnforgeError: `bad-argument`: it is not a text.
    """
    if not isinstance(value, str):
        raise refused(name, value, expected)
    return str(value)


def texts(name: str, value: object, *, expected: str) -> list[str]:
    """Several texts, none of which stands alone.

    Args:
        name: The argument.
        value: What was passed.
        expected: What it should be.

    Raises:
        AttnforgeError: `bad-argument`: it is one text, or not a list, or an item is not a text.
    """
    items = enumerate(several(name, value, expected=expected))
    return [text(f"{name}[{number}]", item, expected=expected) for number, item in items]


def several(name: str, value: object, *, expected: str) -> list[object]:
    """The items of a list, a tuple, an array or whatever else has items in an order of its own.

    Args:
        name: The argument.
        value: What was passed.
        expected: What it should be.

    Raises:
        AttnforgeError: `bad-argument`: it has no items, or is a text or a dictionary.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable) or isinstance(value, type):
        raise refused(name, value, expected)
    try:
        return list(value)
    except TypeError as error:  # an array of no dimension
        raise refused(name, value, expected) from error


def captions(name: str, value: object) -> list[str]:
    """One caption or several.

    Raises:
        AttnforgeError: `bad-argument`: there is none, or one is not a text.
    """
    expected = "a caption, or a list of captions"
    items = [str(value)] if isinstance(value, str) else texts(name, value, expected=expected)
    if not items:
        raise refused(name, value, f"{expected} with at least one")
    return items


def whole(name: str, value: object, *, least: int | None = None) -> int:
    """A whole number, also one of NumPy.

    Raises:
        AttnforgeError: `bad-argument`: it is not a whole number, or smaller than `least`.
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # a value of any type is tried
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or (least is not None and number < least):
        raise refused(name, value, "a whole number" if least is None else f"a whole number from {least} on")
    return number


def positive(name: str, value: object) -> float:
    """A number above 0, also one of NumPy.

    Raises:
        AttnforgeError: `bad-argument`: it is not a number, or 0 or less.
    """
    number = float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool) else 0.0
    if not number > 0:  # nor one that is not a number
        raise refused(name, value, "a number above 0")
    return number


def path(name: str, value: object, *, expected: str) -> Path:
    """A path that is not empty, and that a file can have.

    Args:
        name: The argument.
        value: What was passed.
        expected: What it should be.

    Raises:
        AttnforgeError: `bad-argument`: it is not a path, an empty text, too long, or has a null character.
    """
    named = os.fspath(value) if isinstance(value, str | os.PathLike) else ""
    if not isinstance(named, str) or not named or not _can_be(named):
        raise refused(name, value, expected)
    return Path(named)


def _can_be(name: str) -> bool:
    """Whether a file can have this path, whether or not there is one."""
    try:
        os.lstat(name)
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG
    except ValueError:  # a null character
        return False
    return True


def checkpoint(value: object) -> str | None:
    """The name of a checkpoint, or None for the one that is chosen without a name.

    Raises:
        AttnforgeError: `bad-argument`: it is neither.
    """
    expected = "the name of a checkpoint, such as `gan-0001000`"
    return None if value is None else text("checkpoint", value, expected=expected)
