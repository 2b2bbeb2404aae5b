"""Which captions a run is measured on, and what its metrics are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from attnforge.build.parts import Parts
from attnforge.data.choosing import choose_captions
from attnforge.errors import DataError
from attnforge.evaluate.measure import Extras, Metrics, measure
from attnforge.interfaces import Sample
from attnforge.recipe.schema import Evaluation, Phase, Recipe
from attnforge.specs import DataSpec, MetricSpec
from attnforge.testing.examples.texts import ExampleTextEncoder, ExampleTokenizer


class Images:
    """A data set of captions alone."""

    def __init__(self, *captions: Sequence[str]) -> None:
        self.all = captions

    def __len__(self) -> int:
        return len(self.all)

    def sample(self, index: int, *, seed: int) -> Sample:
        raise NotImplementedError

    def captions(self, index: int) -> Sequence[str]:
        return self.all[index]

    def class_id(self, index: int) -> int:
        return index


class Letters(ExampleTokenizer):
    """Knows every word but `quixotic`."""

    def encode(self, caption: str) -> list[int]:
        return [len(word) for word in caption.split() if word != "quixotic"]


def parts_of(data: Images, evaluation: Evaluation | None = None) -> Parts:
    """The parts of a recipe that has no generator."""

    def give(spec: DataSpec) -> Images:
        assert spec.split == "test"
        return data

    recipe = Recipe(
        data=give,
        tokenizer=cast("Any", Letters),
        text=lambda spec: ExampleTextEncoder(spec, dim=2),
        image=lambda spec: SimpleNamespace(),
        phases={"match": Phase(task=cast("Any", None), image_size=2)},
        evaluation=evaluation or Evaluation(),
    )
    return Parts(recipe, tokenizer=cast("Any", Letters()), device=torch.device("cpu"))


BIRDS = Images(*([f"bird {index} caption {turn}" for turn in range(3)] for index in range(10)))


def chosen(data: Images, *, count: int, seed: int = 1) -> list[str]:
    choices = choose_captions(data, count=count, seed=seed, tokenizer=cast("Any", Letters()))
    assert all(choice.caption in data.captions(choice.image) for choice in choices)
    return [choice.caption for choice in choices]


def image(caption: str) -> str:
    return caption.split()[1]


def test_the_same_seed_chooses_the_same_captions() -> None:
    assert chosen(BIRDS, count=7) == chosen(BIRDS, count=7)
    assert chosen(BIRDS, count=7) == chosen(BIRDS, count=12)[:7]
    assert chosen(BIRDS, count=7) != chosen(BIRDS, count=7, seed=2)


def test_the_seed_decides_which_images_lend_a_caption() -> None:
    lenders = [frozenset(map(image, chosen(BIRDS, count=4, seed=seed))) for seed in range(5)]
    assert len(set(lenders)) > 1


@pytest.mark.parametrize(("count", "most"), [(4, 1), (10, 1), (11, 2), (20, 2), (30, 3)])
def test_each_image_lends_a_caption_before_any_lends_another(count: int, most: int) -> None:
    captions = chosen(BIRDS, count=count)
    assert len(captions) == len(set(captions)) == count
    lent = Counter(image(caption) for caption in captions)
    assert max(lent.values()) == most
    assert len(lent) == min(count, 10)
    assert min(lent.values()) >= most - 1


def test_there_are_no_more_captions_than_there_are() -> None:
    assert len(chosen(BIRDS, count=31)) == 30


def test_images_may_have_different_numbers_of_captions() -> None:
    data = Images(["one 1"], ["two 1", "two 2", "two 3"])
    assert sorted(chosen(data, count=9)) == ["one 1", "two 1", "two 2", "two 3"]


def test_captions_without_a_known_word_are_left_out() -> None:
    data = Images(["quixotic", "a bird"], ["quixotic quixotic"], ["quixotic wings"])
    assert sorted(chosen(data, count=9)) == ["a bird", "quixotic wings"]
    assert chosen(Images(["quixotic"]), count=2) == []


@dataclass
class Noting:
    """A metric that notes what it is given."""

    spec: MetricSpec
    name: str = "seen"
    sizes: list[int] = field(default_factory=list)
    captions: Sequence[str] = ()
    rows: Tensor = field(default_factory=lambda: torch.empty(0))

    def extractors(self) -> Mapping[str, Any]:
        return {f"shade of {self.name}": self.shade}

    def shade(self, images: Tensor, captions: Sequence[str]) -> Tensor:
        self.sizes.append(len(images))
        assert len(captions) == len(images)
        return images[:, 0, 0, 0]

    def compute(self, rows: Mapping[str, Tensor], captions: Sequence[str]) -> dict[str, float]:
        (self.rows,), self.captions = rows.values(), captions
        return {self.name: float(len(captions))}


def shade(caption: str) -> float:
    """A level that bytes have."""
    return 2 * int(image(caption)) / 255 - 1


def test_metrics_are_given_the_images_of_their_captions() -> None:
    built: list[Noting] = []
    drawn: list[Sequence[int]] = []

    def build(spec: MetricSpec, name: str) -> Noting:
        built.append(Noting(spec, name))
        return built[-1]

    def generate(captions: Sequence[str], positions: Sequence[int], extras: Extras) -> Tensor:
        assert extras == {}
        drawn.append(positions)
        # a third of a level is rounded away, as in an image file
        levels = torch.tensor([shade(one) + 2 / 255 / 3 for one in captions])
        return levels[:, None, None, None].expand(-1, 3, 2, 2)

    metrics: Mapping[str, Any] = {name: partial(build, name=name) for name in ("first", "second")}
    options = Evaluation(metrics=metrics, captions=8, batch_size=3, seed=5)
    measured = measure(Metrics(parts_of(BIRDS, options)), generate)
    assert measured.main == {"first": "first", "second": "second"}
    assert measured.metrics == {"captions": 8, "evaluation seed": 5, "first": 8.0, "second": 8.0}
    assert [list(positions) for positions in drawn] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    for metric in built:
        assert metric.captions == chosen(BIRDS, count=8, seed=5)
        assert metric.rows.tolist() == pytest.approx([shade(one) for one in metric.captions])
        assert metric.sizes == [3, 3, 2]
        assert metric.spec.data is BIRDS


def test_several_images_of_a_caption_have_different_numbers() -> None:
    drawn: list[int] = []

    def generate(captions: Sequence[str], positions: Sequence[int], extras: Extras) -> Tensor:
        drawn.extend(positions)
        return torch.zeros(len(captions), 3, 2, 2)

    options = Evaluation(metrics=cast("Any", {"seen": Noting}), captions=4, per_caption=3, seed=5)
    metrics = Metrics(parts_of(BIRDS, options))
    measured = measure(metrics, generate)
    assert measured.metrics["captions"] == 12
    assert drawn == list(range(12))
    (noting,) = metrics.built.values()
    assert isinstance(noting, Noting)
    assert noting.captions == [caption for caption in chosen(BIRDS, count=4, seed=5) for _ in range(3)]


def test_nothing_is_drawn_for_no_metrics() -> None:
    def generate(captions: Sequence[str], positions: Sequence[int], extras: Extras) -> Tensor:
        raise AssertionError("asked to draw")

    assert measure(Metrics(parts_of(BIRDS)), generate).metrics == {}


def test_captions_without_known_words_are_an_error() -> None:
    options = Evaluation(metrics=cast("Any", {"seen": Noting}))
    with pytest.raises(DataError, match="no caption of the test split"):
        measure(Metrics(parts_of(Images(["quixotic"]), options)), lambda *batch: torch.zeros(1, 3, 2, 2))
