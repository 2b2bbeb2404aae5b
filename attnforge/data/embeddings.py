"""Files of captions with their sentence vectors: NumPy archives that hold nothing but these two arrays.

    numpy.savez("birds.npz", captions=captions, embeddings=vectors)

`captions` are strings, n of them, and `embeddings` floats n d. Pickled objects are never loaded.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.errors import DataError, Place, Problem, RunError

SUFFIX = ".npz"
CAPTIONS, EMBEDDINGS = "captions", "embeddings"
EXPECTED = (
    f"a {SUFFIX} archive of NumPy with `{CAPTIONS}`, an array of strings, and `{EMBEDDINGS}`, floats with a "
    "row for each"
)


def caption_key(caption: str) -> str:
    """What identifies a caption in such a file: its text, up to white space."""
    return " ".join(caption.split())


def refuse_name(path: Path) -> None:
    """Refuse a name that such a file cannot have, and a folder that is missing, before anything is computed.

    Raises:
        RunError: the name does not end in `.npz`, or its folder does not exist.
    """
    if path.suffix != SUFFIX:
        message = f"embeddings are written as a {SUFFIX} archive, and {path} has another name"
        raise RunError(Problem("embeddings-not-written", message, expected=f"a name that ends in {SUFFIX}"))
    if not path.parent.is_dir():
        message = f"the embeddings cannot be written to {path}: its folder does not exist"
        raise RunError(
            Problem("embeddings-not-written", message, None, "a folder", f"mkdir -p {path.parent}")
        )


def write_embeddings(path: Path, captions: Sequence[str], embeddings: Float[Tensor, "n d"]) -> None:
    """Write captions with their vectors; an existing file is replaced atomically.

    Raises:
        RunError: the name does not end in `.npz`, or the file cannot be written.
    """
    refuse_name(path)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        try:
            with partial.open("wb") as stream:
                arrays = {CAPTIONS: np.array(captions, dtype=np.str_), EMBEDDINGS: embeddings.float().numpy()}
                np.savez_compressed(stream, allow_pickle=False, **arrays)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        message = f"the embeddings cannot be written to {path}: {error.strerror or error}"
        expected = "a file in a writable folder with space"
        raise RunError(Problem("embeddings-not-written", message, expected=expected)) from error


def read_captions(path: Path) -> list[str]:
    """The captions of a file of embeddings, up to white space, in the order of the vectors.

    Raises:
        DataError: the file is missing or malformed, or has a caption twice.
    """
    with _opened(path) as archive:
        captions, shape = archive[CAPTIONS], archive[EMBEDDINGS].shape
    if captions.dtype.kind != "U" or captions.ndim != 1 or not len(captions):
        raise _bad(path, f"`{CAPTIONS}` are {captions.dtype} of shape {list(captions.shape)}, not strings")
    if shape[:1] != captions.shape:
        raise _bad(path, f"{len(captions):,} captions have embeddings of shape {list(shape)}")
    keys = [caption_key(str(caption)) for caption in captions]
    if len(set(keys)) < len(keys):
        seen: set[str] = set()
        double = next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _bad(path, f"the caption {double!r} occurs twice")
    return keys


def read_embeddings(path: Path) -> Float[Tensor, "n d"]:
    """The vectors of a file of embeddings, as float32.

    Raises:
        DataError: the file is missing or malformed, or a vector is not finite.
    """
    with _opened(path) as archive:
        embeddings = archive[EMBEDDINGS]
    if embeddings.dtype.kind != "f" or embeddings.ndim != 2 or not embeddings.size:
        shape = list(embeddings.shape)
        raise _bad(path, f"`{EMBEDDINGS}` are {embeddings.dtype} of shape {shape}, not a float matrix")
    vectors = torch.from_numpy(embeddings.astype(np.float32))
    finite = vectors.isfinite().all(dim=1)
    if not bool(finite.all()):
        raise _bad(path, f"embedding {int(finite.int().argmin())}, counted from 0, is not finite")
    return vectors


def digest_of_embeddings(path: Path) -> str:
    """The SHA-256 of a file of embeddings.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


@contextmanager
def _opened(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """The archive, with both arrays; errors of reading it become those of the file."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise _bad(path, "it is a single array, not an archive")
            if missing := {CAPTIONS, EMBEDDINGS} - set(archive.files):
                present = ", ".join(archive.files) or "none"
                raise _bad(path, f"it has no array `{min(missing)}`, but {present}")
            yield archive
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, EOFError, BadZipFile, ZlibError, KeyError, NotImplementedError) as error:
        raise _bad(path, " ".join(str(error).split()) or type(error).__name__) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    message = f"the embeddings in {path} cannot be read: {error.strerror or error}"
    step = "attnforge embed RUN --captions FILE -o FILE"
    return DataError(Problem("bad-embeddings", message, Place(str(path)), EXPECTED, step))


def _bad(path: Path, reason: str) -> DataError:
    message = f"{path} is not a file of embeddings: {reason}"
    step = "attnforge embed RUN --captions FILE -o FILE"
    return DataError(Problem("bad-embeddings", message, Place(str(path)), EXPECTED, step))
