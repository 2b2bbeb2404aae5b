"""CLIP's tokenizer gives the ids of transformers shifted by one, and leaves the marks to the encoder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from attnforge_clip.tokenizer import ClipTokenizer
from hypothesis import given
from hypothesis import strategies as st
from tiny_clip import vocabulary, write_clip

from attnforge.errors import AttnforgeError, DataError, RunError

CAPTIONS = [
    "A red bird, with  black wings!",
    "bird's eye",
    "ein gr\u00fcner V\u00f6gel",
    "\U0001f426 2 birds",
]


@pytest.fixture(scope="module")
def tokenizer(clip: Path) -> ClipTokenizer:
    learned = ClipTokenizer(weights=str(clip))
    learned.fit(CAPTIONS)
    return learned


@pytest.fixture(scope="module")
def theirs(clip: Path) -> Any:
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(clip, local_files_only=True)


@given(st.sampled_from(CAPTIONS) | st.text(max_size=20))
def test_ids_are_those_of_transformers_shifted_by_one(
    tokenizer: ClipTokenizer, theirs: Any, caption: str
) -> None:
    ids = theirs(caption).input_ids
    assert (ids[0], ids[-1]) == (theirs.bos_token_id, theirs.eos_token_id)
    marks = (theirs.bos_token_id, theirs.eos_token_id)
    assert tokenizer.encode(caption) == [number + 1 for number in ids if number not in marks]


def test_pieces_are_shown_as_people_write_them(tokenizer: ClipTokenizer) -> None:
    assert tokenizer.tokens("Red wings") == ["red", "win", "g", "s"]
    assert tokenizer.tokens("wing") == ["wing"]
    assert tokenizer.tokens("!") == ["!"]
    assert len(tokenizer.tokens(CAPTIONS[2])) == len(tokenizer.encode(CAPTIONS[2]))


def test_marks_inside_a_caption_are_no_words(tokenizer: ClipTokenizer) -> None:
    assert tokenizer.encode("red <|endoftext|> bird") == tokenizer.encode("red bird")
    assert tokenizer.unknown("red <|endoftext|> bird") == ["<|endoftext|>"]


def test_letters_that_a_vocabulary_lacks_are_named(tmp_path: Path) -> None:
    tokenizer = ClipTokenizer(weights=str(write_clip(tmp_path / "clip", letters="redbi ")))
    assert tokenizer.tokens("Red bird") == ["red", "bird"]
    assert tokenizer.encode("red x bird") == tokenizer.encode("red bird")
    assert tokenizer.unknown("red x bird") == ["x"]
    with pytest.raises(DataError, match="empty-vocabulary"):
        tokenizer.fit(["xyz", ""])


def test_a_folder_of_the_old_form_gives_the_same_ids(
    tokenizer: ClipTokenizer, clip: Path, tmp_path: Path
) -> None:
    pieces, merges = vocabulary()
    shutil.copy(clip / "config.json", tmp_path)
    (tmp_path / "vocab.json").write_text(json.dumps(pieces))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (tmp_path / "merges.txt").write_text("\n".join(lines) + "\n")
    old = ClipTokenizer(weights=str(tmp_path))
    for caption in CAPTIONS:
        assert old.encode(caption) == tokenizer.encode(caption)


def test_a_checkpoint_needs_no_folder(tokenizer: ClipTokenizer, tmp_path: Path) -> None:
    other = ClipTokenizer(weights=str(tmp_path / "gone"))
    other.load_state(json.loads(json.dumps(tokenizer.state())))
    assert other.fingerprint == tokenizer.fingerprint
    assert other.vocabulary_size == tokenizer.vocabulary_size
    assert other.encode(CAPTIONS[0]) == tokenizer.encode(CAPTIONS[0])


@pytest.mark.parametrize("state", [{}, {"clip": None}, {"clip": "{}"}, {"words": []}])
def test_another_state_is_refused(clip: Path, state: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="vocabulary-state"):
        ClipTokenizer(weights=str(clip)).load_state(state)


def test_a_folder_without_a_tokenizer_is_an_error(clip: Path, tmp_path: Path) -> None:
    shutil.copy(clip / "config.json", tmp_path)
    with pytest.raises(AttnforgeError, match=r"clip-weights-missing[\s\S]*tokenizer\.json"):
        ClipTokenizer(weights=str(tmp_path)).fit(CAPTIONS)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(AttnforgeError, match="clip-weights-other"):
        ClipTokenizer(weights=str(tmp_path)).fit(CAPTIONS)
