"""The word tokenizer of AttnGAN, with ids that do not depend on the order of the captions."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from attnforge.errors import DataError, Problem, RunError

_WORD = re.compile(r"\w+")


class WordTokenizer:
    """Splits a caption into lower-cased runs of letters, digits and underscores, in any script.

    Id 0 is padding; words follow from 1, the most frequent first, equally frequent ones by alphabet.
    Unknown words are left out.

    Args:
        min_count: Words that are rarer than this in the captions are unknown.
        max_size: How many words are known at most, the most frequent ones; all when not given.
        vocabulary: A JSON file with the words to take instead of learning them from captions: the
            `tokenizer.json` of a checkpoint, or the `vocabulary.json` of an imported run.
    """

    def __init__(
        self,
        *,
        min_count: Annotated[int, Field(ge=1)] = 1,
        max_size: Annotated[int, Field(ge=1)] | None = None,
        vocabulary: str | None = None,
    ) -> None:
        self.min_count = min_count
        self.max_size = max_size
        self.vocabulary = vocabulary
        self._ids: dict[str, int] = {}

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are, padding included."""
        return len(self._ids) + 1

    @property
    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the words in order."""
        text = json.dumps(["word", *self._ids], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def fit(self, captions: Sequence[str]) -> None:
        """Learn the vocabulary; the same captions in any order give the same ids.

        Raises:
            DataError: Not a single word is frequent enough, or the file `vocabulary` cannot be read.
            RunError: The file `vocabulary` holds no words.
        """
        if self.vocabulary is not None:
            self.load_state(_read(self.vocabulary))
            return
        counts = Counter(word for caption in captions for word in _split(caption))
        frequent = [word for word, count in counts.items() if count >= self.min_count]
        frequent.sort(key=lambda word: (-counts[word], word))
        if not frequent:
            message = f"no word occurs {self.min_count} times in the {len(captions)} captions"
            raise DataError(
                Problem("empty-vocabulary", message, expected="captions with words, or a lower min_count")
            )
        self._number(frequent[: self.max_size])

    def tokens(self, caption: str) -> list[str]:
        """The known words of a caption, in order."""
        return [word for word in _split(caption) if word in self._ids]

    def encode(self, caption: str) -> list[int]:
        """The ids of the known words of a caption, in order."""
        return [self._ids[word] for word in self.tokens(caption)]

    def unknown(self, caption: str) -> list[str]:
        """The words of a caption that `encode` leaves out, in order."""
        return [word for word in _split(caption) if word not in self._ids]

    def state(self) -> dict[str, Any]:
        """The words in the order of their ids, as plain JSON data."""
        return {"words": list(self._ids)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the words of another tokenizer's `state`.

        Raises:
            RunError: The state is not that of a word tokenizer.
        """
        words = state.get("words")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            message = "the stored vocabulary is not that of a `word` tokenizer"
            raise RunError(Problem("vocabulary-state", message, expected="a list of words under `words`"))
        self._number(words)

    def _number(self, words: Sequence[str]) -> None:
        self._ids = {word: index for index, word in enumerate(words, start=1)}


def _read(path: str) -> dict[str, Any]:
    try:
        state = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        message = f"the vocabulary {path} cannot be read: {error}"
        expected = "a JSON file with a list of words under `words`, in the order of their ids"
        raise DataError(Problem("no-vocabulary", message, expected=expected)) from error
    return state if isinstance(state, dict) else {}


def _split(caption: str) -> list[str]:
    """The words of a caption; composed and decomposed letters count as the same."""
    return _WORD.findall(unicodedata.normalize("NFC", caption).lower())
