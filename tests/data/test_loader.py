"""Batches depend on their step alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnforge.data.feeding.collate import collate, pad, shorten
from attnforge.data.feeding.loader import batches
from attnforge.data.feeding.sampler import PositionSampler
from attnforge.errors import DataError
from attnforge.interfaces import Batch, Sample


class Letters:
    """Knows the letters a to y; every letter of a caption is a token."""

    vocabulary_size = 26
    fingerprint = "letters"

    def fit(self, captions: Sequence[str]) -> None: ...
    def tokens(self, caption: str) -> list[str]:
        return [letter for letter in caption if "a" <= letter <= "y"]

    def encode(self, caption: str) -> list[int]:
        return [ord(letter) - ord("a") + 1 for letter in self.tokens(caption)]

    def unknown(self, caption: str) -> list[str]:
        return [letter for letter in caption if letter == "z"]

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None: ...


class Squares:
    """Grey squares; the image and the caption depend on index and seed."""

    def __init__(self, texts: Sequence[Sequence[str]]) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def captions(self, index: int) -> Sequence[str]:
        return self.texts[index]

    def class_id(self, index: int) -> int:
        return index % 2

    def sample(self, index: int, *, seed: int) -> Sample:
        image = torch.full((3, 4, 4), (index * 40 + seed) % 256, dtype=torch.uint8)
        texts = self.texts[index]
        return Sample(image, texts[seed % len(texts)], self.class_id(index), str(index))


TEXTS = [["abc", "de"], ["fghij", "kl"], ["m"], ["nopqrst", "uv"], ["wxy", "ab"]]


def load(data: Squares | None = None, **options: Any) -> list[Batch]:
    settings: dict[str, Any] = {"batch_size": 3, "seed": 7, "steps": 9, "max_words": 4, **options}
    return list(batches(Squares(TEXTS) if data is None else data, Letters(), **settings))


def same(left: Batch, right: Batch) -> bool:
    return (
        torch.equal(left.image, right.image)
        and torch.equal(left.tokens, right.tokens)
        and torch.equal(left.lengths, right.lengths)
        and torch.equal(left.class_ids, right.class_ids)
        and left.captions == right.captions
        and left.keys == right.keys
    )


def test_workers_give_the_same_batches_and_leave_torch_s_random_state_alone() -> None:
    torch.manual_seed(3)
    expected_draw = torch.rand(1)
    torch.manual_seed(3)
    with_workers = load(workers=2)
    assert torch.equal(torch.rand(1), expected_draw)
    alone = load()
    assert len(with_workers) == len(alone) == 9
    assert all(same(left, right) for left, right in zip(with_workers, alone, strict=True))


def test_more_workers_than_cores_are_not_warned_of_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load(workers=2)
    assert [str(warning.message) for warning in caught if "worker" in str(warning.message)] == []


def test_a_resumed_loader_goes_on_where_it_stopped() -> None:
    whole, rest = load(), load(start_step=4)
    assert len(rest) == 5
    assert all(same(left, right) for left, right in zip(whole[4:], rest, strict=True))


def test_every_batch_is_full_and_epochs_join() -> None:
    keys = [key for batch in load(steps=10) for key in batch.keys]
    assert len(keys) == 30
    for start in range(0, 30, len(TEXTS)):
        assert sorted(keys[start : start + len(TEXTS)]) == ["0", "1", "2", "3", "4"]
    orders = {tuple(keys[start : start + len(TEXTS)]) for start in range(0, 30, len(TEXTS))}
    assert len(orders) > 1


def test_another_seed_gives_other_batches() -> None:
    assert not same(load()[0], load(seed=8)[0])


def test_a_batch_holds_padded_tokens_and_floats_in_range() -> None:
    for batch in load():
        assert batch.image.dtype == torch.float32
        assert -1 <= batch.image.min() <= batch.image.max() <= 1
        assert batch.tokens.shape == (3, int(batch.lengths.max()))
        assert torch.equal((batch.tokens > 0).sum(dim=1), batch.lengths)
        assert int(batch.lengths.max()) <= 4
        for row, length, caption in zip(batch.tokens, batch.lengths, batch.captions, strict=True):
            ids = row[: int(length)].tolist()
            assert len(ids) == min(4, len(caption))
            assert ids == sorted(ids)


def test_black_and_white_become_minus_one_and_one() -> None:
    images = [torch.zeros(3, 2, 2, dtype=torch.uint8), torch.full((3, 2, 2), 255, dtype=torch.uint8)]
    samples = [Sample(image, "a", 0, "k") for image in images]
    image = collate(samples, tokenizer=Letters(), max_words=3, seeds=[1, 2]).batch().image
    assert torch.equal(image[0], torch.full((3, 2, 2), -1.0))
    assert torch.equal(image[1], torch.full((3, 2, 2), 1.0))


def test_a_caption_without_known_words_gives_way_to_another_of_its_image() -> None:
    for batch in load(Squares([["zz", "a"], ["b", "zzz"]])):
        assert set(batch.captions) <= {"a", "b"}


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_without_known_words_is_named(workers: int) -> None:
    with pytest.raises(DataError, match="image 0") as caught:
        load(Squares([["zz"]]), workers=workers)
    assert {problem.code for problem in caught.value.problems} == {"unknown-words"}


def test_an_empty_data_set_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        load(Squares([]))
    assert caught.value.problems[0].code == "empty-data"


def test_images_of_several_sizes_are_refused() -> None:
    samples = [Sample(torch.zeros(3, side, side, dtype=torch.uint8), "a", 0, "k") for side in (2, 3)]
    with pytest.raises(DataError) as caught:
        collate(samples, tokenizer=Letters(), max_words=3, seeds=[1, 2])
    assert caught.value.problems[0].code == "image-sizes"


@given(st.lists(st.integers(1, 99), min_size=1, max_size=30, unique=True), st.integers(1, 30), st.integers(0))
def test_shortening_keeps_order_and_asks_for_no_more(ids: list[int], max_words: int, seed: int) -> None:
    kept = shorten(ids, max_words=max_words, seed=seed)
    assert len(kept) == min(len(ids), max_words)
    assert [one for one in ids if one in kept] == kept


@given(st.lists(st.integers(1, 99), min_size=1, max_size=30), st.integers(1, 30), st.integers(0))
def test_shortening_to_the_first_words_drops_the_end(ids: list[int], max_words: int, seed: int) -> None:
    kept = shorten(ids, max_words=max_words, seed=seed, truncate="first")
    assert kept == [one for place, one in enumerate(ids) if place < max_words]


def test_a_loader_keeps_random_words_or_the_first_ones() -> None:
    for batch in load(max_words=3, truncate="first"):
        for row, length, caption in zip(batch.tokens, batch.lengths, batch.captions, strict=True):
            assert row[: int(length)].tolist() == Letters().encode(caption[:3])
    ends = [
        bool(set(row.tolist()) & set(Letters().encode(caption[3:])))
        for batch in load(max_words=3)
        for row, caption in zip(batch.tokens, batch.captions, strict=True)
    ]
    assert any(ends)


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_can_lie_by_the_length_of_their_captions(workers: int) -> None:
    drawn, sorted_ = load(batch_size=5), load(batch_size=5, order="length", workers=workers)
    moved = 0
    for one, other in zip(drawn, sorted_, strict=True):
        lengths = one.lengths.tolist()
        # the longest first, and captions of one length as they were drawn
        places = sorted(range(5), key=lambda place: (-lengths[place], place))
        moved += places != [0, 1, 2, 3, 4]
        assert other.lengths.tolist() == sorted(lengths, reverse=True)
        assert other.captions == tuple(one.captions[place] for place in places)
        assert other.keys == tuple(one.keys[place] for place in places)
        assert torch.equal(other.image, one.image[places])
        assert torch.equal(other.tokens, one.tokens[places])
        assert torch.equal(other.class_ids, one.class_ids[places])
    assert moved > 5


def test_a_caption_s_length_is_what_it_has_after_shortening() -> None:
    """Seven words and five become four each: they keep the order in which they were drawn."""
    for batch in load(Squares([["abcdefg"], ["hijkl"]]), batch_size=2, order="length", max_words=4):
        assert batch.lengths.tolist() == [4, 4]
    drawn = [batch.keys for batch in load(Squares([["abcdefg"], ["hijkl"]]), batch_size=2)]
    shortened = load(Squares([["abcdefg"], ["hijkl"]]), batch_size=2, order="length")
    assert [batch.keys for batch in shortened] == drawn
    assert set(drawn) == {("0", "1"), ("1", "0")}


def test_shortening_drops_every_word_about_equally_often() -> None:
    kept = Counter(one for seed in range(600) for one in shorten([1, 2, 3, 4], max_words=2, seed=seed))
    assert all(240 < kept[one] < 360 for one in (1, 2, 3, 4))


@given(st.integers(1, 20), st.integers(0, 2**40), st.integers(0, 3))
def test_each_epoch_is_a_permutation(length: int, seed: int, epoch: int) -> None:
    sampler = PositionSampler(length, seed=seed)
    drawn = [sampler[position].index for position in range(epoch * length, (epoch + 1) * length)]
    assert sorted(drawn) == list(range(length))


def test_positions_can_be_read_in_any_order_and_have_seeds_of_their_own() -> None:
    sampler = PositionSampler(5, seed=1)
    forward = [sampler[position] for position in range(20)]
    assert [sampler[position] for position in reversed(range(20))] == forward[::-1]
    assert len({position.seed for position in islice(forward, 20)}) == 20


def test_captions_are_padded_to_one_length_on_request() -> None:
    ragged = pad([[1, 2], [3]])[0]
    tokens, lengths = pad([[1, 2], [3]], length=5)
    assert ragged.shape == (2, 2)
    assert tokens.tolist() == [[1, 2, 0, 0, 0], [3, 0, 0, 0, 0]]
    assert lengths.tolist() == [2, 1]
    assert pad([[1, 2, 3]], length=2)[0].shape == (1, 3)


KEPT = """
import multiprocessing, os, signal, sys
sys.path.insert(0, {folder!r})
from test_loader import Letters, Squares, TEXTS, batches
kept = batches(Squares(TEXTS), Letters(), batch_size=3, seed=7, steps=900, max_words=4, workers=1)
next(kept)
{then}
"""
STUCK = """
(worker,) = multiprocessing.active_children()
os.kill(worker.pid, signal.SIGSTOP)
del kept
worker.join(60)
assert worker.exitcode == -signal.SIGKILL
"""


@pytest.mark.parametrize(
    "then",
    [pytest.param("", id="still loading"), pytest.param(STUCK, id="stuck", marks=pytest.mark.long)],
)
def test_a_process_ends_although_its_workers_do_not(then: str) -> None:
    """Workers ignore the signal by which Python and torch ask them to end."""
    script = KEPT.format(folder=str(Path(__file__).parent), then=then)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_worker_that_is_killed_at_any_moment_is_named() -> None:
    """A batch that it had announced is then a broken connection, of either kind."""
    for number in range(40):
        loading = batches(Squares(TEXTS), Letters(), batch_size=3, seed=7, steps=9999, max_words=4, workers=1)
        next(loading)
        (worker,) = multiprocessing.active_children()
        assert worker.pid is not None
        time.sleep(number / 10_000)
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match="DataLoader worker") as caught:
            for _ in loading:
                pass
        assert caught.value.__notes__ == ["a data loading worker ended with SIGKILL"]
