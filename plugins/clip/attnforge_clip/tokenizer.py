"""CLIP's subword tokenizer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attnforge.errors import DataError, Problem, RunError
from attnforge_clip.folder import END, START, ClipFolder

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_WORD_ENDS = "</w>"


class ClipTokenizer:
    """Splits a caption into CLIP's subword pieces (Radford et al., 2021).

    Captions are lower-cased. Nothing is learned from the data: `fit` reads the folder. Id 0 is padding, and
    id k > 0 is CLIP's own id k - 1. The text encoder adds the start and end tokens, which are not words.
    Published vocabularies have every byte, so nothing is unknown. The whole
    vocabulary is part of every checkpoint. A phase's `max_words` counts pieces; CLIP reads 75 at most.

    Args:
        weights: Folder of a CLIP with its tokenizer, or a weights file in it; never downloaded.
    """

    def __init__(self, *, weights: str) -> None:
        self.weights = weights
        self._loaded: Tokenizer | None = None

    @cached_property
    def _special(self) -> frozenset[int]:
        ids = (self._pieces.token_to_id(name) for name in (START, END))
        return frozenset(id_ for id_ in ids if id_ is not None)

    @property
    def _pieces(self) -> Tokenizer:
        if self._loaded is None:
            self._set(ClipFolder.at(self.weights).tokenizer())
        assert self._loaded is not None  # noqa: S101  (_set sets it)
        return self._loaded

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are, padding and CLIP's special tokens included."""
        return self._pieces.get_vocab_size() + 1

    @property
    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the tokenizer."""
        return hashlib.sha256(b"clip" + self._pieces.to_str().encode()).hexdigest()[:12]

    def fit(self, captions: Sequence[str]) -> None:
        """Read the vocabulary from the folder; the captions must have at least one piece of it.

        Raises:
            RecipeError: `clip-weights-missing` or `clip-weights-other`.
            DataError: The captions have no piece of the vocabulary.
        """
        self._set(ClipFolder.at(self.weights).tokenizer())
        if not any(self.encode(caption) for caption in captions):
            message = f"the {len(captions)} captions have no word that CLIP knows"
            raise DataError(Problem("empty-vocabulary", message, expected="captions with words"))

    def tokens(self, caption: str) -> list[str]:
        """The known pieces of a caption, in order."""
        return [self._text(number) for number in self._known(caption)]

    def encode(self, caption: str) -> list[int]:
        """The ids of the known pieces of a caption, in order."""
        return [number + 1 for number in self._known(caption)]

    def unknown(self, caption: str) -> list[str]:
        """The parts of a caption that `encode` skips, in order."""
        encoded = self._pieces.encode(caption, add_special_tokens=False)
        pairs = zip(encoded.ids, encoded.offsets, strict=True)
        skipped = [span for number, span in pairs if number in self._special]
        return [caption[start:end] for start, end in dict.fromkeys(skipped)]

    def state(self) -> dict[str, Any]:
        """The tokenizer as tokenizers writes it, a JSON text in JSON data."""
        return {"clip": self._pieces.to_str()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore another tokenizer's `state`, without the folder.

        Raises:
            RunError: The state is not that of a clip tokenizer.
        """
        from tokenizers import Tokenizer

        try:
            self._set(Tokenizer.from_str(state["clip"]))
        except Exception as error:  # the library raises a bare Exception for malformed text
            message = "the stored vocabulary is not that of a `clip` tokenizer"
            expected = "a tokenizer of the library tokenizers under `clip`"
            raise RunError(Problem("vocabulary-state", message, expected=expected)) from error

    def _set(self, pieces: Tokenizer) -> None:
        self._loaded = pieces
        self.__dict__.pop("_special", None)

    def _known(self, caption: str) -> list[int]:
        encoded = self._pieces.encode(caption, add_special_tokens=False)
        return [number for number in encoded.ids if number not in self._special]

    def _text(self, number: int) -> str:
        """A piece as readable text; CLIP stores bytes beyond ASCII as other letters."""
        from tokenizers.decoders import ByteLevel

        piece = str(self._pieces.id_to_token(number)).removesuffix(_WORD_ENDS)
        readable = str(ByteLevel().decode([piece]))
        return piece if not readable or "\ufffd" in readable else readable
