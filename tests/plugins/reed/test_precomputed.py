"""Embeddings in a file: what is read, what is refused, and captions that have none."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from attnforge_reed.captions import CaptionTokenizer
from attnforge_reed.precomputed import PrecomputedText

from attnforge.data.embeddings import read_captions, read_embeddings, write_embeddings
from attnforge.data.encoding import encode_captions
from attnforge.errors import AttnforgeError, DataError, Problem, RecipeError, RunError
from attnforge.recipe import resolve
from attnforge.specs import TextSpec

CAPTIONS = ["a red bird", "a blue  bird", "this bird is green"]


def embeddings(folder: Path, captions: list[str] | None = None, *, seed: int = 1) -> Path:
    texts = CAPTIONS if captions is None else captions
    vectors = torch.randn(len(texts), 4, generator=torch.Generator().manual_seed(seed))
    write_embeddings(folder / "birds.npz", texts, vectors)
    return folder / "birds.npz"


def problem(error: pytest.ExceptionInfo[AttnforgeError]) -> Problem:
    (only,) = error.value.problems
    return only


def test_a_caption_has_its_row_of_the_file(tmp_path: Path) -> None:
    file = embeddings(tmp_path)
    tokenizer = CaptionTokenizer(file=str(file))
    text = PrecomputedText(TextSpec(vocabulary_size=tokenizer.vocabulary_size), file=str(file))
    captions = ["a  blue bird", "a red bird"]
    prompt = encode_captions(text, tokenizer, captions, device=torch.device("cpu"))
    assert torch.equal(prompt.sentence, read_embeddings(file)[[1, 0]])
    assert torch.equal(prompt.words[:, :, 0], prompt.sentence)
    assert prompt.words.shape == (2, 4, 1)
    assert text.state_dict() == {}


def test_captions_without_an_embedding_are_named_before_training(tmp_path: Path) -> None:
    tokenizer = CaptionTokenizer(file=str(embeddings(tmp_path)))
    tokenizer.fit(CAPTIONS)
    with pytest.raises(DataError) as raised:
        tokenizer.fit([*CAPTIONS, "a new bird", "another"])
    assert problem(raised).code == "caption-not-embedded"
    assert "2 of 5 captions" in problem(raised).message
    assert "'a new bird', 'another'" in problem(raised).message
    assert str(problem(raised).next_step).startswith("attnforge embed")


def test_a_sampled_caption_without_an_embedding_is_named(tmp_path: Path) -> None:
    file = embeddings(tmp_path)
    tokenizer = CaptionTokenizer(file=str(file))
    text = PrecomputedText(TextSpec(vocabulary_size=4), file=str(file))
    with pytest.raises(AttnforgeError) as raised:
        encode_captions(text, tokenizer, ["a new bird"], device=torch.device("cpu"))
    assert problem(raised).code == "caption-not-embedded"
    assert "'a new bird'" in problem(raised).message


def test_a_run_is_not_continued_with_other_embeddings(tmp_path: Path) -> None:
    state = CaptionTokenizer(file=str(embeddings(tmp_path))).state()
    CaptionTokenizer(file=str(tmp_path / "birds.npz")).load_state(state)
    other = CaptionTokenizer(file=str(embeddings(tmp_path, seed=2)))
    with pytest.raises(RunError) as raised:
        other.load_state(state)
    assert problem(raised).code == "embeddings-changed"
    with pytest.raises(RunError) as raised:
        other.load_state({"words": ["bird"]})
    assert problem(raised).code == "vocabulary-state"


def test_a_tokenizer_of_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as raised:
        PrecomputedText(TextSpec(vocabulary_size=5), file=str(embeddings(tmp_path)))
    assert problem(raised).code == "embeddings-differ"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("text={use: precomputed, file: a.npz}",), "tokenizer={use: caption, file: a.npz}"),
        (("tokenizer={use: caption, file: a.npz}",), "text={use: precomputed, file: a.npz}"),
        (
            ("tokenizer={use: caption, file: b.npz}", "text={use: precomputed, file: a.npz}"),
            "tokenizer.file=a.npz",
        ),
    ],
)
def test_a_recipe_with_one_of_the_two_or_two_files_is_refused(
    overrides: tuple[str, ...], expected: str
) -> None:
    with pytest.raises(RecipeError) as raised:
        resolve("quickstart", overrides=overrides)
    assert problem(raised).code == "embeddings-differ"
    assert problem(raised).expected == expected
    assert problem(raised).place is not None
    resolve("quickstart", overrides=[*overrides, expected])


def both(file: Path) -> None:
    """Read captions and embeddings."""
    read_captions(file)
    read_embeddings(file)


NAMES = np.array(["a", "b"])
GOOD = np.ones((2, 3), dtype=np.float32)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"captions": NAMES}, "has no array `embeddings`"),
        ({"embeddings": GOOD}, "has no array `captions`"),
        ({"captions": np.array(["a", "a "]), "embeddings": GOOD}, "'a' occurs twice"),
        ({"captions": NAMES[:1], "embeddings": GOOD}, "1 captions have embeddings of shape [2, 3]"),
        ({"captions": np.arange(2), "embeddings": GOOD}, "not strings"),
        ({"captions": NAMES.astype(object), "embeddings": GOOD}, "allow_pickle=False"),
        ({"captions": NAMES, "embeddings": GOOD.astype(int)}, "not a float matrix"),
        ({"captions": NAMES, "embeddings": np.array([[1.0], [np.nan]])}, "embedding 1, counted from 0"),
    ],
)
def test_what_is_wrong_with_a_file(arrays: dict[str, np.ndarray], reason: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.npz"
    np.savez(file, **arrays)
    with pytest.raises(DataError) as raised:
        both(file)
    assert problem(raised).code == "bad-embeddings"
    assert reason in problem(raised).message


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY", b"<html>", b"PK\x05\x06" + bytes(18)]
)
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    for path in (tmp_path / "bad.npz", tmp_path / "missing.npz", tmp_path):
        with pytest.raises(DataError) as raised:
            read_captions(path)
        assert problem(raised).code == "bad-embeddings"


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    file = embeddings(tmp_path)
    whole = file.read_bytes()
    for end in range(10, len(whole), 37):
        file.write_bytes(whole[:end])
        with pytest.raises(DataError):
            read_captions(file)


def test_a_damaged_archive_is_refused_or_read_whole(tmp_path: Path) -> None:
    file = embeddings(tmp_path)
    whole = file.read_bytes()
    for place in range(0, len(whole), 5):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5A]) + whole[place + 1 :])
        with suppress(DataError):
            both(file)
