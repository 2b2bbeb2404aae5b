"""The official `captions.pickle`: captions as word ids, and the words of the ids."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

from attnforge.data.reading.pickles import read_pickle
from attnforge.errors import DataError, Place, Problem

END = "<end>"
"""The official code's name of id 0, which it pads with."""


@dataclass(frozen=True, slots=True)
class OfficialCaptions:
    """The content of `captions.pickle`."""

    words: tuple[str, ...]
    """The words in the order of their ids, from id 1."""
    train: tuple[tuple[int, ...], ...] = ()
    """The training captions as ids, grouped by image, equally many for each."""
    test: tuple[tuple[int, ...], ...] = ()
    """The test captions as ids."""

    def examples(self, count: int) -> list[str]:
        """Up to `count` distinct test captions as text, evenly spaced."""
        distinct = list(dict.fromkeys(caption for caption in self.test if caption))
        step = max(1, len(distinct) // count)
        return [
            " ".join(self.words[number - 1] for number in caption) for caption in distinct[::step][:count]
        ]


def read_captions(path: Path) -> OfficialCaptions:
    """Read a `captions.pickle` without executing any code in it.

    Raises:
        DataError: The file cannot be read, requests code, or has other content.
    """
    content = read_pickle(path)
    if not isinstance(content, list) or len(content) != 4:
        raise _invalid(path, "it is not a list of four")
    train, test, words_of_ids, ids_of_words = content
    if not isinstance(words_of_ids, dict) or not isinstance(ids_of_words, dict):
        raise _invalid(path, "its third and fourth items are not dicts")
    if sorted(words_of_ids, key=repr) != sorted(range(len(words_of_ids)), key=repr):
        raise _invalid(path, f"its {len(words_of_ids)} ids do not count up from 0")
    words = [words_of_ids[number] for number in range(len(words_of_ids))]
    if words[:1] != [END]:
        raise _invalid(path, f"id 0 is not {END}")
    if ids_of_words != {word: number for number, word in enumerate(words)}:
        raise _invalid(path, "its two dicts disagree")
    if not all(isinstance(word, str) for word in words):
        raise _invalid(path, "a word is not text")
    return OfficialCaptions(
        words=tuple(words[1:]),
        train=_captions(path, train, len(words), split="training"),
        test=_captions(path, test, len(words), split="test"),
    )


def write_captions(path: Path, captions: OfficialCaptions) -> None:
    """Write a `captions.pickle` for Python 2 and 3."""
    names = [END, *captions.words]
    ids = {word: number for number, word in enumerate(names)}
    splits = [[list(caption) for caption in part] for part in (captions.train, captions.test)]
    path.write_bytes(pickle.dumps([*splits, dict(enumerate(names)), ids], protocol=2))


def _captions(path: Path, captions: object, size: int, *, split: str) -> tuple[tuple[int, ...], ...]:
    if not isinstance(captions, list):
        raise _invalid(path, f"its {split} captions are not a list")
    for caption in captions:
        if not isinstance(caption, list) or not all(
            type(word) is int and 0 < word < size for word in caption
        ):
            raise _invalid(path, f"a {split} caption is not a list of ids from 1 to {size - 1}")
    return tuple(tuple(caption) for caption in captions)


def _invalid(path: Path, reason: str) -> DataError:
    message = f"{path} is not a captions.pickle of the official code: {reason}"
    expected = "[train captions, test captions, words of ids, ids of words]"
    return DataError(Problem("other-pickle", message, Place(str(path)), expected))
