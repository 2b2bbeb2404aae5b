"""The official `captions.pickle`, and a vocabulary that comes from a file."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from attnforge_attngan.official.vocabulary import OfficialCaptions, read_captions, write_captions
from attnforge_attngan.tokenizer import WordTokenizer

from attnforge.errors import AttnforgeError


def content_of(words: Sequence[str], test: Sequence[Sequence[int]] = ()) -> list[Any]:
    names = ["<end>", *words]
    return [
        [],
        [list(one) for one in test],
        dict(enumerate(names)),
        {name: i for i, name in enumerate(names)},
    ]


def codes(error: pytest.ExceptionInfo[AttnforgeError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def test_examples_are_different_test_captions_in_words(tmp_path: Path) -> None:
    path = tmp_path / "captions.pickle"
    test = [[1, 3], [1, 3], [], [1, 2, 3], [2], [3]]
    path.write_bytes(pickle.dumps(content_of(["a", "red", "bird"], test), protocol=2))
    captions = read_captions(path)
    assert captions.words == ("a", "red", "bird")
    assert captions.examples(9) == ["a bird", "a red bird", "red", "bird"]
    assert captions.examples(2) == ["a bird", "red"]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "captions.pickle"
    captions = OfficialCaptions(words=("a", "été", "鳥"), train=((1, 3), ()), test=((2,), (3, 2, 1)))
    write_captions(path, captions)
    assert read_captions(path) == captions
    write_captions(path, OfficialCaptions(words=("a",)))
    assert read_captions(path).examples(3) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, [[0]]),
        (0, [[1, "2"]]),
        (1, [[0]]),
        (1, [[4]]),
        (1, ["a red bird"]),
        (2, {0: "<end>", 2: "a"}),
        (2, {0: "a", 1: "<end>"}),
        (3, {"<end>": 1}),
        (3, []),
    ],
)
def test_a_pickle_of_something_else_is_said(tmp_path: Path, place: int, value: object) -> None:
    content: list[object] = content_of(["a", "red", "bird"])
    content[place] = value
    path = tmp_path / "captions.pickle"
    path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(AttnforgeError) as error:
        read_captions(path)
    assert codes(error) == ["other-pickle"]


def test_the_vocabulary_can_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_text(json.dumps({"words": ["red", "bird"]}))
    tokenizer = WordTokenizer(vocabulary=str(path))
    tokenizer.fit(["a blue bird"])
    assert tokenizer.encode("a red bird") == [1, 2]
    path.write_text("{")
    for missing in (path, tmp_path / "nowhere.json"):
        with pytest.raises(AttnforgeError) as error:
            WordTokenizer(vocabulary=str(missing)).fit(["a blue bird"])
        assert codes(error) == ["no-vocabulary"]


def test_words_of_a_checkpoint_come_before_those_of_the_file(tmp_path: Path) -> None:
    tokenizer = WordTokenizer(vocabulary=str(tmp_path / "moved-away.json"))
    tokenizer.load_state({"letters": "ascii", "words": ["red", "bird"]})
    tokenizer.fit(["a blue bird"])
    assert tokenizer.encode("a red bird") == [1, 2]
