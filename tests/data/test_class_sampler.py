"""Batches of distinct classes: one image of each, the same in every process and after resuming."""

from __future__ import annotations

from collections import Counter

import pytest

from attnforge.data.feeding.loader import batches
from attnforge.data.feeding.sampler import ClassSampler
from attnforge.errors import DataError
from attnforge.specs import DataSpec
from attnforge.testing.examples.texts import ExampleDataset, ExampleTokenizer


def birds(count: int = 30) -> ExampleDataset:
    return ExampleDataset(DataSpec(split="train", image_size=8), count=count)


def test_no_class_occurs_twice_in_a_batch_and_all_occur_as_often() -> None:
    data = birds()
    sampler = ClassSampler(data, batch_size=4, seed=1)
    drawn = [[sampler[4 * step + place].index for place in range(4)] for step in range(600)]
    assert all(len({data.class_id(index) for index in batch}) == 4 for batch in drawn)
    classes = Counter(data.class_id(index) for batch in drawn for index in batch)
    assert len(classes) == 6
    assert all(340 < count < 460 for count in classes.values())  # 400, give or take three deviations
    assert set(range(30)) == {index for batch in drawn for index in batch}


def test_a_position_has_one_image_whatever_was_asked_before() -> None:
    forward, backward = (ClassSampler(birds(), batch_size=5, seed=2) for _ in range(2))
    assert [forward[place] for place in range(40)] == [backward[place] for place in range(39, -1, -1)][::-1]
    assert [forward[place] for place in range(40)] != [
        ClassSampler(birds(), batch_size=5, seed=3)[place] for place in range(40)
    ]


def test_fewer_classes_than_a_batch_needs_are_refused_with_their_number() -> None:
    assert ClassSampler(birds(), batch_size=6, seed=1)
    with pytest.raises(DataError) as raised:
        ClassSampler(birds(), batch_size=7, seed=1)
    (problem,) = raised.value.problems
    assert problem.code == "few-classes"
    assert problem.expected is not None
    assert problem.expected.startswith("a `batch_size` of 6 or less")


@pytest.mark.parametrize("world_size", [1, 2])
def test_the_loader_gives_such_batches_in_shares_and_after_resuming(world_size: int) -> None:
    data, tokenizer = birds(), ExampleTokenizer()
    tokenizer.fit([caption for index in range(len(data)) for caption in data.captions(index)])

    def classes(rank: int, start: int) -> list[list[int]]:
        loaded = batches(
            data,
            tokenizer,
            batch_size=6,
            seed=1,
            start_step=start,
            steps=5,
            max_words=9,
            distinct_classes=True,
            rank=rank,
            world_size=world_size,
        )
        return [batch.class_ids.tolist() for batch in loaded]

    shares = [classes(rank, 0) for rank in range(world_size)]
    for step in range(5):
        assert sorted(number for share in shares for number in share[step]) == list(range(6))
    assert classes(0, 3) == shares[0][3:]
