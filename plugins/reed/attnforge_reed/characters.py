"""Captions as characters: the alphabet that the char-CNN-RNN reads."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal

from attnforge.errors import DataError, Problem, RunError

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{} "
"""The 70 symbols of Reed et al. (2016) in order; the hyphen occurs twice, and its later place counts."""
BLANK = "\N{REPLACEMENT CHARACTER}"
"""The token of a character outside the alphabet that keeps its place."""


class CharacterTokenizer:
    """Splits a caption into characters (Zhang et al., 2015; Reed et al., 2016).

    Id 0 is padding; the 69 different characters of the alphabet follow from 1, in the order of Reed et al.,
    then those of `extra`. Runs of white space are one space. A phase's `max_words` counts characters here;
    its default of 18 is refused: set it to 201.

    Args:
        extra: Further characters to know, such as `äöüß`; with `case: lower` they are lower-cased, too.
        case: `lower` reads captions in lower case, as GAWWN's demo does; `keep` leaves capitals, which are
            not in the alphabet, as GAN-INT-CLS's demo does.
        unknown: What becomes of characters beyond the alphabet: `skip` leaves them out; `blank` keeps their
            place, where `char-cnn-rnn` reads zeros, as the official code does.
    """

    def __init__(
        self,
        *,
        extra: str = "",
        case: Literal["lower", "keep"] = "lower",
        unknown: Literal["skip", "blank"] = "skip",
    ) -> None:
        self.case = case
        self.keeps_blanks = unknown == "blank"
        self._ids: dict[str, int] = {}
        last_places = dict.fromkeys(reversed(ALPHABET))
        self._assign_ids([*reversed(last_places), *"".join(self._normalised(extra).split())])

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are, padding included; 70 without `extra` and blanks."""
        return len(self._ids) + 1 + self.keeps_blanks

    @property
    def blank(self) -> int | None:
        """The id of characters outside the alphabet, the last; None where they are skipped."""
        return len(self._ids) + 1 if self.keeps_blanks else None

    @property
    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the characters in order and of the options."""
        parts = ["character", self.case, self.keeps_blanks, *self._ids]
        text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
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
        """The known characters of a caption and its blanks, in order; none if only spaces are known."""
        characters = self._normalised(caption)
        known = "".join(character for character in characters if character in self._ids)
        if not self.keeps_blanks or not known.strip():
            return list(" ".join(known.split()))
        return [character if character in self._ids else BLANK for character in characters]

    def encode(self, caption: str) -> list[int]:
        """The ids of the known characters of a caption and of its blanks, in order."""
        beyond = len(self._ids) + 1
        return [self._ids.get(character, beyond) for character in self.tokens(caption)]

    def unknown(self, caption: str) -> list[str]:
        """The characters of a caption that the alphabet lacks, in order."""
        return [character for character in self._normalised(caption) if character not in self._ids]

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

    def page_tokenizer(self) -> tuple[str, dict[str, Any]]:
        """The tokenizer in JavaScript, and the data that it needs."""
        script = files("attnforge_reed") / "characters.js"
        data = {"lower": self.case == "lower", "blanks": self.keeps_blanks}
        return script.read_text(encoding="utf-8"), {**self.state(), **data}

    def _assign_ids(self, characters: Sequence[str]) -> None:
        distinct = dict.fromkeys(characters)
        self._ids = {character: index for index, character in enumerate(distinct, start=1)}

    def _normalised(self, caption: str) -> str:
        """Composed letters in the case that is read, single spaces, none at either end."""
        text = caption.lower() if self.case == "lower" else caption
        return " ".join(unicodedata.normalize("NFC", text).split())
