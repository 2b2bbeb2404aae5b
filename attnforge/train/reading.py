"""Reading files of a checkpoint that somebody else may have written, damaged or is just removing."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from attnforge.errors import AttnforgeError, Place, Problem, RunError


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Say which file it was that could not be read or put to use, and nothing that would make that unsafe.

    What torch says of a file that holds more than plain tensors ends with the advice to load it all the
    same, which would run whatever the file holds.

    Raises:
        RunError: the file is gone, or holds something else than it should.
    """
    try:
        yield
    except (AttnforgeError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise RunError(
            Problem(
                code="checkpoint-gone",
                message=f"{file.name} of checkpoint {file.parent.name} was removed while it was read",
                place=Place(str(file)),
                expected="a checkpoint that stays; a run that trains keeps the newest `training.keep` alone",
                next_step="the same command again, which takes the newest checkpoint",
            )
        ) from error
    except (
        SafetensorError,
        pickle.UnpicklingError,
        EOFError,
        RuntimeError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        RecursionError,
        AssertionError,
    ) as error:
        raise RunError(
            Problem(
                code="checkpoint-unreadable",
                message=f"{file.name} of checkpoint {file.parent.name} does not hold what it should: "
                f"{_reason(error)}",
                place=Place(str(file)),
                expected="a file that attnforge wrote; one with more than plain values is never opened",
                next_step=f"ls {file.parent.parent}",
            )
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, pickle.UnpicklingError):
        return "it asks for code to be run, or is no file of torch"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
