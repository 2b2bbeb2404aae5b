"""A tokenizer that shortens long captions, for evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnforge.data.feeding.collate import shorten
from attnforge.interfaces import Tokenizer
from attnforge.seeds import derive_seed
from attnforge.values import Truncate


class ShortenedTokenizer:
    """Encodes a caption to at most `max_words` ids, as training does.

    Which words a long caption loses depends on the seed and the caption alone, so the generator and the
    encoders that score its images see the same words.

    Args:
        tokenizer: Encodes whole captions.
        max_words: Longer captions lose words.
        seed: Decides which.
        truncate: Which words they keep; see `shorten`.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, max_words: int, seed: int, truncate: Truncate = "random"
    ) -> None:
        self.tokenizer = tokenizer
        self.max_words = max_words
        self.seed = seed
        self.truncate: Truncate = truncate

    @property
    def vocabulary_size(self) -> int:
        return self.tokenizer.vocabulary_size

    @property
    def fingerprint(self) -> str:
        return self.tokenizer.fingerprint

    def fit(self, captions: Sequence[str]) -> None:
        self.tokenizer.fit(captions)

    def tokens(self, caption: str) -> list[str]:
        """The tokens that are kept, one for each id."""
        tokens = self.tokenizer.tokens(caption)
        return [tokens[position] for position in self._kept(caption, len(tokens))]

    def encode(self, caption: str) -> list[int]:
        """The ids that are kept."""
        ids = self.tokenizer.encode(caption)
        return [ids[position] for position in self._kept(caption, len(ids))]

    def unknown(self, caption: str) -> list[str]:
        return self.tokenizer.unknown(caption)

    def state(self) -> dict[str, Any]:
        return self.tokenizer.state()

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.tokenizer.load_state(state)

    def _kept(self, caption: str, count: int) -> list[int]:
        seed = derive_seed(self.seed, "caption", caption)
        positions = list(range(count))
        return shorten(positions, max_words=self.max_words, seed=seed, truncate=self.truncate)
