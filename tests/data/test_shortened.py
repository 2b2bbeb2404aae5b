"""Long captions are cut alike wherever they are measured."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from attnforge.data.feeding.shortened import ShortenedTokenizer

LONG = "this small bird has a red crown and one short beak below brown wings with two white bars"
WORDS = LONG.split()


class Words:
    """Each word is its place in `WORDS`, from 1 on; others are unknown."""

    vocabulary_size = 18
    fingerprint = "words"

    def fit(self, captions: object) -> None:
        self.fitted = captions

    def tokens(self, caption: str) -> list[str]:
        return [word for word in caption.split() if word in WORDS]

    def encode(self, caption: str) -> list[int]:
        return [1 + WORDS.index(word) for word in self.tokens(caption)]

    def unknown(self, caption: str) -> list[str]:
        return [word for word in caption.split() if word not in WORDS]

    def state(self) -> dict[str, object]:
        return {"words": WORDS}

    def load_state(self, state: object) -> None:
        self.loaded = state


def cut(max_words: int, *, seed: int = 1) -> ShortenedTokenizer:
    return ShortenedTokenizer(Words(), max_words=max_words, seed=seed)


def is_in_order_of(some: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(word in rest for word in some)


@given(st.lists(st.sampled_from(WORDS), min_size=0, max_size=30), st.integers(1, 30), st.integers(0, 99))
def test_what_is_left_stands_in_the_old_order(words: list[str], most: int, seed: int) -> None:
    caption = " ".join(words)
    shortened = cut(most, seed=seed)
    kept = shortened.tokens(caption)
    assert len(kept) == min(most, len(words))
    assert is_in_order_of(kept, words)
    assert shortened.encode(caption) == [1 + WORDS.index(word) for word in kept]


def test_a_short_caption_keeps_every_word() -> None:
    assert cut(len(WORDS)).tokens(LONG) == WORDS


def test_the_same_seed_and_caption_lose_the_same_words() -> None:
    first, other = cut(6), cut(6)
    first.encode("a red bird")
    assert first.encode(LONG) == first.encode(LONG) == other.encode(LONG)


def test_seed_and_caption_decide_which_words_are_lost() -> None:
    assert len({tuple(cut(6, seed=seed).encode(LONG)) for seed in range(8)}) > 4
    turned = WORDS[::-1]
    places = [turned.index(word) for word in cut(6).tokens(" ".join(turned))]
    assert places != [WORDS.index(word) for word in cut(6).tokens(LONG)]


def test_the_first_words_are_kept_on_request() -> None:
    first = ShortenedTokenizer(Words(), max_words=6, seed=1, truncate="first")
    assert first.tokens(LONG) == WORDS[:6]
    assert first.encode(LONG) == Words().encode(LONG)[:6]


def test_more_than_the_first_words_are_kept() -> None:
    places = {one for seed in range(40) for one in cut(6, seed=seed).encode(LONG)}
    assert places == set(Words().encode(LONG))


def test_everything_else_is_the_tokenizers_own() -> None:
    shortened = cut(3)
    assert (shortened.vocabulary_size, shortened.fingerprint) == (18, "words")
    assert shortened.unknown("a quixotic bird") == ["quixotic"]
    assert shortened.state() == {"words": WORDS}
    shortened.fit(["a"])
    shortened.load_state({"words": ["a"]})
    assert (shortened.tokenizer.fitted, shortened.tokenizer.loaded) == (["a"], {"words": ["a"]})  # type: ignore[attr-defined]
