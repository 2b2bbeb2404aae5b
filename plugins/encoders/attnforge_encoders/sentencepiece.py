"""Captions as pieces of words, learned from the captions by SentencePiece."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from attnforge.errors import DataError, Problem, RecipeError, RunError

_WORD_START = "\u2581"  # SentencePiece's mark at the beginning of a word
_RESERVED = str.maketrans({_WORD_START: " ", "\u2585": " ", "\0": " "})
_PADDING, _UNKNOWN = 0, 1


class SentencePieceTokenizer:
    """Splits a caption into pieces learned from the captions (Kudo and Richardson, 2018).

    Frequent words stay whole, rare ones are split, so that new words are not skipped, only characters
    that occurred in no caption. Captions are lower-cased and in Unicode's form NFKC. A piece that
    begins a word starts with `\u2581`. Id 0 is padding and 1 stands for unknown characters, which `encode`
    skips. Training reads the captions sorted and in one thread, so their order does not matter. The
    learned model is part of every checkpoint.

    Args:
        vocabulary_size: Maximum number of ids, padding included. Few captions give fewer.
        model: `bpe` merges the most frequent pairs; `unigram` keeps the pieces that make the captions most
            likely.
    """

    def __init__(
        self,
        *,
        vocabulary_size: Annotated[int, Field(ge=4, le=1_000_000)] = 4000,
        model: Literal["bpe", "unigram"] = "bpe",
    ) -> None:
        self.max_size = vocabulary_size
        self.model = model
        self._learned = b""
        self._processor: SentencePieceProcessor | None = None

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are, padding and the unknown included."""
        return self._processor.get_piece_size() if self._processor else 1

    @property
    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the learned model."""
        return hashlib.sha256(b"sentencepiece" + self._learned).hexdigest()[:12]

    def fit(self, captions: Sequence[str]) -> None:
        """Learn the pieces; the same captions in any order give the same ids.

        Raises:
            DataError: The captions have no characters.
            RecipeError: `vocabulary_size` has no room for every character of the captions.
        """
        lines = sorted(filter(None, map(_normalised, captions)))
        if not lines:
            message = f"the {len(captions)} captions have no characters"
            raise DataError(Problem("empty-vocabulary", message, expected="captions with words"))
        self._check_room(lines)
        written = io.BytesIO()
        SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=written,
            model_type=self.model,
            vocab_size=self.max_size,
            hard_vocab_limit=False,
            character_coverage=1.0,
            max_sentence_length=10 + max(len(line.encode()) for line in lines),
            normalization_rule_name="identity",
            pad_id=_PADDING,
            unk_id=_UNKNOWN,
            bos_id=-1,
            eos_id=-1,
            num_threads=1,
            minloglevel=3,
        )
        self._set_model(written.getvalue())

    def tokens(self, caption: str) -> list[str]:
        """The known pieces of a caption, in order."""
        return [piece for piece, _ in self._known(caption)]

    def encode(self, caption: str) -> list[int]:
        """The ids of the known pieces of a caption, in order."""
        return [number for _, number in self._known(caption)]

    def unknown(self, caption: str) -> list[str]:
        """The parts of a caption that `encode` skips, in order."""
        return [piece for piece, number in self._pieces(caption) if number == _UNKNOWN]

    def state(self) -> dict[str, Any]:
        """The learned model in base64, as plain JSON data."""
        return {"sentencepiece": base64.b64encode(self._learned).decode("ascii")}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore the model of another tokenizer's `state`.

        Raises:
            RunError: The state is not that of a sentencepiece tokenizer.
        """
        try:
            self._set_model(base64.b64decode(state["sentencepiece"], validate=True))
        except (KeyError, TypeError, ValueError, binascii.Error, RuntimeError):
            message = "the stored vocabulary is not that of a `sentencepiece` tokenizer"
            expected = "a SentencePiece model in base64 under `sentencepiece`"
            raise RunError(Problem("vocabulary-state", message, expected=expected)) from None

    def _set_model(self, learned: bytes) -> None:
        processor = SentencePieceProcessor(model_proto=learned)
        if (processor.pad_id(), processor.unk_id()) != (_PADDING, _UNKNOWN):
            raise ValueError("padding and unknown have other ids")
        self._learned, self._processor = learned, processor

    def _check_room(self, lines: Sequence[str]) -> None:
        needed = len({character for line in lines for character in line} | {" "}) + 2
        if self.max_size < needed:
            message = f"a vocabulary of {self.max_size} has no room for the characters of the captions"
            expected = f"tokenizer.vocabulary_size of {needed} or more"
            raise RecipeError(Problem("vocabulary-size", message, expected=expected))

    def _pieces(self, caption: str) -> list[tuple[str, int]]:
        if self._processor is None:
            return []
        line = _normalised(caption)
        return list(
            zip(self._processor.encode(line, out_type=str), self._processor.encode(line), strict=True)
        )

    def _known(self, caption: str) -> list[tuple[str, int]]:
        """The known pieces, without the mark of a word that is otherwise unknown."""
        return [
            piece
            for piece, following in pairwise([*self._pieces(caption), ("", _PADDING)])
            if piece[1] != _UNKNOWN and not (piece[0] == _WORD_START and following[1] == _UNKNOWN)
        ]


def _normalised(caption: str) -> str:
    """Lower-cased, in NFKC, single spaces, without the characters that SentencePiece uses itself."""
    whole = caption.encode(errors="ignore").decode()  # lone surrogates cannot be learned
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", whole).lower())
    return " ".join(folded.translate(_RESERVED).split())
