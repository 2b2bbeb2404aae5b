"""Tokenizers whose pieces have pretrained vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from attnforge.data.checks.words import words
from attnforge.errors import DataError, Problem, RunError
from attnforge.storage.carried import CarriedFile

from .packages import PRETRAINED

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_WORD_START, _CONTINUES = "\u2581", "##"
"""Marks of pieces that begin a word, and of pieces that do not, in vocabularies of either kind."""


class PieceTokenizer:
    """Base of `WordLlamaTokenizer` and `MiniLmTokenizer`: the pieces of the words of a caption.

    A caption is first split into lower-cased words as by the tokenizer `word`, so that punctuation has no
    vector. Nothing is learned from the data; the vocabulary is part of every checkpoint.
    """

    name: ClassVar[str]
    """Of the component, and of the pretrained vectors."""

    def __init__(self) -> None:
        self._loaded: Tokenizer | None = None

    @classmethod
    def carried_files(cls, options: Mapping[str, object], /) -> Sequence[CarriedFile]:
        """The tokenizer of the package."""
        return (PRETRAINED[cls.name].tokenizer,)

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are, padding included."""
        return int(self._pieces.get_vocab_size())

    @property
    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the tokenizer."""
        return hashlib.sha256(self.name.encode() + self._pieces.to_str().encode()).hexdigest()[:12]

    def fit(self, captions: Sequence[str]) -> None:
        """Read the vocabulary; the captions must have at least one piece of it.

        Raises:
            RecipeError: The package is not installed, or its file is not the pinned one.
            DataError: The captions have no word.
        """
        self._set(PRETRAINED[self.name].pieces())
        if not any(self.encode(caption) for caption in captions):
            message = f"the {len(captions)} captions have no word that `{self.name}` knows"
            raise DataError(Problem("empty-vocabulary", message, expected="captions with words"))

    def tokens(self, caption: str) -> list[str]:
        """The known pieces of a caption, in order."""
        pieces = self._pieces.id_to_token
        return [_readable(str(pieces(number))) for number in self.encode(caption)]

    def encode(self, caption: str) -> list[int]:
        """The ids of the known pieces of a caption, in order."""
        encoded = self._pieces.encode(" ".join(words(caption)), add_special_tokens=False)
        return [number for number in encoded.ids if number not in self._special]

    def unknown(self, caption: str) -> list[str]:
        """The words of a caption that `encode` skips, in order."""
        return [word for word in words(caption) if not self.encode(word)]

    def state(self) -> dict[str, Any]:
        """The tokenizer as the library tokenizers writes it, a JSON text in JSON data."""
        return {self.name: self._pieces.to_str()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore another tokenizer's `state`, without the package.

        Raises:
            RunError: The state is not that of this tokenizer.
        """
        from tokenizers import Tokenizer

        try:
            self._set(Tokenizer.from_str(state[self.name]))
        except Exception as error:  # the library raises a bare Exception for malformed text
            message = f"the stored vocabulary is not that of a `{self.name}` tokenizer"
            expected = f"a tokenizer of the library tokenizers under `{self.name}`"
            raise RunError(Problem("vocabulary-state", message, expected=expected)) from error

    @property
    def _pieces(self) -> Tokenizer:
        if self._loaded is None:
            self._set(PRETRAINED[self.name].pieces())
        assert self._loaded is not None  # noqa: S101  (_set sets it)
        return self._loaded

    @cached_property
    def _special(self) -> frozenset[int]:
        """Ids that are no piece of a word: padding, marks of the ends, the unknown."""
        return frozenset(self._pieces.get_added_tokens_decoder()) | {0}

    def _set(self, pieces: Tokenizer) -> None:
        self._loaded = pieces
        self.__dict__.pop("_special", None)


class WordLlamaTokenizer(PieceTokenizer):
    """Splits words into the pieces whose vectors the package `wordllama` carries: those of Llama 2.

    Frequent English words are one piece. There are pieces of single bytes, so that nothing is unknown.
    Captions are lower-cased, and punctuation is skipped. A phase's `max_words` counts pieces.
    """

    name = "wordllama"


class MiniLmTokenizer(PieceTokenizer):
    """Splits words into the pieces that the sentence encoder `minilm` reads: those of BERT, lower-cased.

    Words with letters of scripts that BERT's English vocabulary lacks are unknown. Punctuation is skipped. A
    phase's `max_words` counts pieces; at most 510 are read.
    """

    name = "minilm"


def _readable(piece: str) -> str:
    return piece.removeprefix(_WORD_START).removeprefix(_CONTINUES) or piece
