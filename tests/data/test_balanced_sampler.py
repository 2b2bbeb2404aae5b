"""Images of small classes are drawn more often, the same in every process and after resuming."""

from __future__ import annotations

from collections import Counter

import pytest

from attnforge.data.feeding.loader import batches
from attnforge.data.feeding.sampler import BalancedSampler
from attnforge.errors import RecipeError
from attnforge.recipe import resolve
from attnforge.specs import DataSpec
from attnforge.testing.examples.texts import ExampleDataset, ExampleTokenizer


class Uneven(ExampleDataset):
    """Of 20 images the first 16 are of one class."""

    def class_id(self, index: int) -> int:
        return max(0, index - 15)


def uneven() -> Uneven:
    return Uneven(DataSpec(split="train", image_size=8), count=20)


@pytest.mark.parametrize(("balance", "share"), [(1.0, 1 / 5), (0.5, 4 / 8)])
def test_classes_are_drawn_by_a_power_of_their_size(balance: float, share: float) -> None:
    sampler = BalancedSampler(uneven(), balance=balance, seed=1)
    drawn = Counter(sampler[position].index for position in range(4_000))
    assert sum(drawn[index] for index in range(16)) / 4_000 == pytest.approx(share, abs=0.03)
    assert set(drawn) == set(range(20))


def test_a_position_has_one_image_whatever_was_asked_before() -> None:
    forward, backward = (BalancedSampler(uneven(), balance=0.7, seed=2) for _ in range(2))
    assert [forward[place] for place in range(40)] == [backward[place] for place in range(39, -1, -1)][::-1]


@pytest.mark.parametrize("groups", [1, 2])
def test_the_loader_draws_so_after_resuming_too(groups: int) -> None:
    data, tokenizer = uneven(), ExampleTokenizer()
    tokenizer.fit([caption for index in range(len(data)) for caption in data.captions(index)])

    def classes(start: int, balance: float) -> list[list[int]]:
        loaded = batches(
            data,
            tokenizer,
            batch_size=10,
            seed=1,
            start_step=start,
            steps=20,
            max_words=9,
            class_balance=balance,
            images_per_caption=groups,
        )
        return [batch.class_ids.tolist() for batch in loaded]

    balanced = classes(0, 1.0)
    assert classes(15, 1.0) == balanced[15:]
    shares = [sum(row.count(0) for row in drawn) / 200 for drawn in (balanced, classes(0, 0.0))]
    assert shares == pytest.approx([0.2, 0.8], abs=0.08)


def test_a_task_that_chooses_classes_refuses_it_where_it_is_written() -> None:
    with pytest.raises(RecipeError) as refused:
        resolve("reed-sketch-birds", overrides=["phases.joint-embedding.class_balance=0.5"])
    (problem,) = refused.value.problems
    assert problem.code == "no-effect"
    assert (str(problem.place), problem.expected) == ("command line:1:38", "0, or another task")
    assert problem.next_step == "attnforge train RECIPE phases.joint-embedding.class_balance=0"
