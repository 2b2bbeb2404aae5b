"""Whole captions as tokens: the tokenizer of embeddings that were computed beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from attnforge.data.embeddings import caption_key, digest_of_embeddings, read_captions
from attnforge.errors import DataError, Problem, RunError

SHOWN = 3
"""Captions without an embedding that a message lists."""
NEXT_STEP = "attnforge embed RUN --captions FILE -o FILE"


class CaptionTokenizer:
    """A caption is one token: its row in a file of embeddings; made for text encoder `precomputed`.

    Captions are found by their text, up to white space. Id 0 is padding and 1 the first caption of the file.

    Args:
        file: The file, which `attnforge embed` writes.

    Raises:
        DataError: The file is missing or malformed.
    """

    def __init__(self, *, file: str) -> None:
        self.file = Path(file)

    @property
    def vocabulary_size(self) -> int:
        """How many captions the file has, and one for padding."""
        return len(self._rows) + 1

    @property
    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the file."""
        return self._digest[:12]

    def fit(self, captions: Sequence[str]) -> None:
        """Check that every caption has an embedding; nothing is learned.

        Raises:
            DataError: Captions are missing in the file.
        """
        missing = [caption for caption in captions if not self.encode(caption)]
        if missing:
            listed = ", ".join(map(repr, missing[:SHOWN]))
            more = f" and {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else ""
            message = f"{len(missing):,} of {len(captions):,} captions have no embedding in {self.file}: "
            raise DataError(self._problem(message + listed + more))

    def tokens(self, caption: str) -> list[str]:
        """The caption, if it has an embedding."""
        key = caption_key(caption)
        return [key] if key in self._rows else []

    def encode(self, caption: str) -> list[int]:
        """The id of the caption, if it has an embedding."""
        return [self._rows[token] for token in self.tokens(caption)]

    def unknown(self, caption: str) -> list[str]:
        """The caption, if it has no embedding."""
        key = caption_key(caption)
        return [] if key in self._rows else [key]

    def unknown_caption(self, caption: str) -> Problem:
        """The problem of a caption without an embedding."""
        return self._problem(f"the caption {caption!r} has no embedding in {self.file}")

    def state(self) -> dict[str, Any]:
        """The digest of the file, as plain JSON data; the file itself stays where it is."""
        return {"embeddings": self._digest}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Check that the file is the one of another tokenizer's `state`.

        Raises:
            RunError: The state is not that of a caption tokenizer, or of another file.
        """
        digest = state.get("embeddings")
        if not isinstance(digest, str):
            message = "the stored vocabulary is not that of a `caption` tokenizer"
            raise RunError(Problem("vocabulary-state", message, expected="a digest under `embeddings`"))
        if digest != self._digest:
            message = f"{self.file} is not the file of embeddings that the run was trained with"
            expected = f"the file whose SHA-256 begins with {digest[:12]}"
            raise RunError(Problem("embeddings-changed", message, None, expected, f"sha256sum {self.file}"))

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(read_captions(self.file), start=1)}

    @cached_property
    def _digest(self) -> str:
        return digest_of_embeddings(self.file)

    def _problem(self, message: str) -> Problem:
        expected = "a caption of the file, or a file with embeddings of all captions"
        return Problem("caption-not-embedded", message, None, expected, NEXT_STEP)
