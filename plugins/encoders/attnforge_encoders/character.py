"""Captions as characters: the alphabet that the char-CNN-RNN reads."""

from __future__ import annotations

import hashlib
import json
import string
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from attnforge.errors import DataError, Problem, RunError

ALPHABET = string.ascii_lowercase + string.digits + string.punctuation + " "
"""The 69 characters of Reed et al. (2016): letters, digits, the punctuation of ASCII, and the space."""


class CharacterTokenizer:
    """Splits a caption into lower-cased characters (Zhang et al., 2015; Reed et al., 2016).

    Id 0 is padding; the 69 characters of the alphabet follow from 1, then those of `extra`. Runs of white
    space are one space. Characters beyond the alphabet are skipped. A phase's `max_words` counts
    characters here; its default of 18 is refused: set it to 201.

    Args:
        extra: Further characters to know, such as `äöüß`; they are lower-cased as captions are.
    """

    def __init__(self, *, extra: str = "") -> None:
        self._ids: dict[str, int] = {}
        self._assign_ids([*ALPHABET, *"".join(_normalised(extra).split())])

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are, padding included; 70 without `extra`."""
        return len(self._ids) + 1

    @property
    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the characters in order."""
        text = json.dumps(["character", *self._ids], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def fit(self, captions: Sequence[str]) -> None:
        """Check that the alphabet matches the captions; nothing is learned, so their order does not matter.

        Raises:
            DataError: The captions have no character of the alphabet.
        """
        if not any(self.encode(caption) for caption in captions):
            message = f"the {len(captions)} captions have no character of the alphabet"
            expected = "captions in Latin letters, their letters under `extra`, or `tokenizer: sentencepiece`"
            raise DataError(Problem("empty-vocabulary", message, expected=expected))

    def tokens(self, caption: str) -> list[str]:
        """The known characters of a caption, in order; none if only spaces are known."""
        known = "".join(character for character in _normalised(caption) if character in self._ids)
        return list(" ".join(known.split()))

    def encode(self, caption: str) -> list[int]:
        """The ids of the known characters of a caption, in order."""
        return [self._ids[character] for character in self.tokens(caption)]

    def unknown(self, caption: str) -> list[str]:
        """The characters of a caption that the alphabet lacks, in order."""
        return [character for character in _normalised(caption) if character not in self._ids]

    def state(self) -> dict[str, Any]:
        """The characters in the order of their ids, as plain JSON data."""
        return {"characters": list(self._ids)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore the characters of another tokenizer's `state`.

        Raises:
            RunError: The state is not that of a character tokenizer.
        """
        characters = state.get("characters")
        if not isinstance(characters, list) or not all(
            isinstance(it, str) and len(it) == 1 for it in characters
        ):
            message = "the stored vocabulary is not that of a `character` tokenizer"
            expected = "a list of characters under `characters`"
            raise RunError(Problem("vocabulary-state", message, expected=expected))
        self._assign_ids(characters)

    def _assign_ids(self, characters: Sequence[str]) -> None:
        distinct = dict.fromkeys(characters)
        self._ids = {character: index for index, character in enumerate(distinct, start=1)}


def _normalised(caption: str) -> str:
    """Lower-cased, composed letters, single spaces, none at either end."""
    return " ".join(unicodedata.normalize("NFC", caption.lower()).split())
