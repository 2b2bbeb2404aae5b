"""The word tokenizer of AttnGAN, with ids that do not depend on the order of the captions."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

from attnforge.data.checks.words import word_counts, words
from attnforge.errors import DataError, Problem, RunError
from attnforge.ranges import Positive

Letters = Literal["any", "ascii"]

_OFFICIAL_WORD = re.compile(r"\w+")
_UNDECODABLE = "\ufffd\ufffd"
"""Two replacement characters, which stand for an apostrophe in captions of the birds."""


class WordTokenizer:
    """Splits a caption into lower-cased runs of letters, marks, digits and underscores, in any script.

    In scripts without spaces, such as Chinese and Thai, each run of letters is one word: use
    `sentencepiece` or `character` for them.

    Id 0 is padding; words follow from 1, the most frequent first, equally frequent ones in alphabetical
    order. Unknown words are skipped. `letters: ascii` is the rule of the official AttnGAN code: letters
    beyond ASCII are removed from each word, so that `café` is `caf`, and words of nothing else are skipped.

    Args:
        letters: `any` keeps the letters of all scripts, `ascii` does as the official code. A stored
            vocabulary overrides this with the rule that it was built with.
        min_count: Words that occur less often than this in the captions are unknown.
        max_size: Maximum number of words, the most frequent ones; by default all.
        vocabulary: A JSON file with the words to use instead of learning them from captions: the
            `tokenizer.json` of a checkpoint, or the `vocabulary.json` of an imported run.
    """

    def __init__(
        self,
        *,
        letters: Letters = "any",
        min_count: Positive = 1,
        max_size: Positive | None = None,
        vocabulary: str | None = None,
    ) -> None:
        self.letters: Letters = letters
        self.min_count = min_count
        self.max_size = max_size
        self.vocabulary = vocabulary
        self._ids: dict[str, int] = {}

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are, padding included."""
        return len(self._ids) + 1

    @property
    def known_words(self) -> list[str]:
        """The words in the order of their ids."""
        return list(self._ids)

    @property
    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the rule and the words in order."""
        rule = {"any": "word", "ascii": "word in ascii"}[self.letters]
        text = json.dumps([rule, *self._ids], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def fit(self, captions: Sequence[str]) -> None:
        """Learn the vocabulary; the same captions in any order give the same ids.

        With `vocabulary` nothing is learned: words set by `load_state` are kept, otherwise the file is read.

        Raises:
            DataError: Not a single word is frequent enough, or the file `vocabulary` cannot be read.
            RunError: The file `vocabulary` has no words.
        """
        if self.vocabulary is not None:
            if not self._ids:  # a checkpoint's words come first, so that a run does not need the file
                self.load_state(_read(self.vocabulary))
            return
        counts = self._counts(captions)
        frequent = [word for word, count in counts.items() if count >= self.min_count]
        frequent.sort(key=lambda word: (-counts[word], word))
        if not frequent:
            message = f"no word occurs {self.min_count} times in the {len(captions)} captions"
            raise DataError(
                Problem("empty-vocabulary", message, expected="captions with words, or a lower min_count")
            )
        self._assign_ids(frequent[: self.max_size])

    def tokens(self, caption: str) -> list[str]:
        """The known words of a caption, in order."""
        return [word for word in self._split(caption) if word in self._ids]

    def encode(self, caption: str) -> list[int]:
        """The ids of the known words of a caption, in order."""
        ids = self._ids
        return [ids[word] for word in self._split(caption) if word in ids]

    def unknown(self, caption: str) -> list[str]:
        """The words of a caption that `encode` skips, in order; words without an ASCII letter as written."""
        if self.letters == "ascii":
            pairs = [(word, _in_ascii(word)) for word in _official_words(caption)]
            return [kept or word for word, kept in pairs if kept not in self._ids]
        return [word for word in self._split(caption) if word not in self._ids]

    def state(self) -> dict[str, Any]:
        """The rule and the words in the order of their ids, as plain JSON data."""
        return {"letters": self.letters, "words": list(self._ids)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore the rule and the words of another tokenizer's `state`.

        Raises:
            RunError: The state is not that of a word tokenizer.
        """
        stored, letters = state.get("words"), state.get("letters", self.letters)
        known = letters in get_args(Letters)
        if not known or not isinstance(stored, list) or not all(isinstance(word, str) for word in stored):
            message = "the stored vocabulary is not that of a `word` tokenizer"
            raise RunError(Problem("vocabulary-state", message, expected="a list of words under `words`"))
        self.letters = letters
        self._assign_ids(stored)

    def page_tokenizer(self) -> tuple[str, dict[str, Any]]:
        """The tokenizer in JavaScript, and the data that it needs."""
        script = files("attnforge_attngan") / "tokenizer.js"
        return script.read_text(encoding="utf-8"), self.state()

    def _counts(self, captions: Iterable[str]) -> Counter[str]:
        if self.letters == "any":
            return word_counts(captions)
        return Counter(word for caption in captions for word in self._split(caption))

    def _split(self, caption: str) -> list[str]:
        if self.letters == "ascii":
            return [kept for word in _official_words(caption) if (kept := _in_ascii(word))]
        return words(caption)

    def _assign_ids(self, ordered: Sequence[str]) -> None:
        self._ids = {word: index for index, word in enumerate(ordered, start=1)}


def _official_words(caption: str) -> list[str]:
    return _OFFICIAL_WORD.findall(caption.replace(_UNDECODABLE, " ").lower())


def _in_ascii(word: str) -> str:
    return word.encode("ascii", "ignore").decode()


def _read(path: str) -> dict[str, Any]:
    file = Path(path)
    try:
        if file.exists() and not file.is_file():
            raise OSError("it is not a file")
        state = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        message = f"the vocabulary {path} cannot be read: {error}"
        expected = "a JSON file with a list of words under `words`, in the order of their ids"
        raise DataError(Problem("no-vocabulary", message, expected=expected)) from error
    return state if isinstance(state, dict) else {}
