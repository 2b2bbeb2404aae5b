"""Error handling for reading checkpoints that may be untrusted, damaged or being removed."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from attnforge.errors import AttnforgeError, Place, Problem, RunError


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Report which file could not be read or loaded, without unsafe advice.

    torch's error for a file with more than plain tensors advises loading it without `weights_only`, which
    would execute code in the file.

    Raises:
        RunError: the file is gone or malformed.
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
                expected="a checkpoint that stays; a run in training keeps only the newest `training.keep`",
                next_step="the same command again, which reads the newest checkpoint",
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
                message=f"{file.name} of checkpoint {file.parent.name} is malformed: {_reason(error)}",
                place=Place(str(file)),
                expected="a file that attnforge wrote; files with more than plain values are never loaded",
                next_step=f"ls {file.parent.parent}",
            )
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, pickle.UnpicklingError):
        return "it contains code, or was not saved by torch"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
