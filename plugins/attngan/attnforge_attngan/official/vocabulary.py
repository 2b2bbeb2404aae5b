"""The official `captions.pickle`: captions as word ids, and the words of the ids."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

from attnforge.data.pickles import read_pickle
from attnforge.errors import DataError, Place, Problem

END = "<end>"
"""What the official code calls id 0, with which it pads."""


@dataclass(frozen=True, slots=True)
class OfficialCaptions:
    """What `captions.pickle` holds."""

    words: tuple[str, ...]
    """The words in the order of their ids, from id 1."""
    train: tuple[tuple[int, ...], ...] = ()
    """The training captions as ids, equally many for each image, one image after the other."""
    test: tuple[tuple[int, ...], ...] = ()
    """The test captions as ids."""

    def examples(self, count: int) -> list[str]:
        """Up to `count` test captions as texts, evenly spread and all different."""
        wanted = list(dict.fromkeys(caption for caption in self.test if caption))
        step = max(1, len(wanted) // count)
        return [" ".join(self.words[number - 1] for number in one) for one in wanted[::step][:count]]


def read_captions(path: Path) -> OfficialCaptions:
    """Read a `captions.pickle`; nothing that is in it is run.

    Raises:
        DataError: The file cannot be read, asks for code, or holds something else.
    """
    content = read_pickle(path)
    if not isinstance(content, list) or len(content) != 4:
        raise _wrong(path, "it is no list of four")
    train, test, words_of_ids, ids_of_words = content
    if not isinstance(words_of_ids, dict) or not isinstance(ids_of_words, dict):
        raise _wrong(path, "its third and fourth item are no dicts")
    if sorted(words_of_ids, key=repr) != sorted(range(len(words_of_ids)), key=repr):
        raise _wrong(path, f"its {len(words_of_ids)} ids do not count up from 0")
    words = [words_of_ids[number] for number in range(len(words_of_ids))]
    if words[:1] != [END]:
        raise _wrong(path, f"id 0 is not {END}")
    if ids_of_words != {word: number for number, word in enumerate(words)}:
        raise _wrong(path, "its two dicts do not say the same")
    if not all(isinstance(word, str) for word in words):
        raise _wrong(path, "a word is no text")
    return OfficialCaptions(
        words=tuple(words[1:]),
        train=_captions(path, train, len(words), split="training"),
        test=_captions(path, test, len(words), split="test"),
    )


def write_captions(path: Path, captions: OfficialCaptions) -> None:
    """Write a `captions.pickle` for Python 2 and 3."""
    names = [END, *captions.words]
    ids = {word: number for number, word in enumerate(names)}
    split = [[list(one) for one in of_split] for of_split in (captions.train, captions.test)]
    path.write_bytes(pickle.dumps([*split, dict(enumerate(names)), ids], protocol=2))


def _captions(path: Path, captions: object, size: int, *, split: str) -> tuple[tuple[int, ...], ...]:
    if not isinstance(captions, list):
        raise _wrong(path, f"its {split} captions are no list")
    for caption in captions:
        if not isinstance(caption, list) or not all(type(one) is int and 0 < one < size for one in caption):
            raise _wrong(path, f"a {split} caption is no list of ids from 1 to {size - 1}")
    return tuple(tuple(caption) for caption in captions)


def _wrong(path: Path, why: str) -> DataError:
    message = f"{path} is no captions.pickle of the official code: {why}"
    expected = "[train captions, test captions, words of ids, ids of words]"
    return DataError(Problem("other-pickle", message, Place(str(path)), expected))
