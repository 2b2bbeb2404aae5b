"""Extras of prompts: samples are stacked by name, and what somebody gives is checked before it is used."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from attnforge_attngan.tokenizer import WordTokenizer
from boxed_parts import BoxedSquares

from attnforge.data.extras import extras_of, read_extras, refuse_wrong_places, stacked_extras
from attnforge.data.feeding.collate import collate
from attnforge.errors import AttnforgeError, DataError
from attnforge.interfaces import Sample
from attnforge.optional import HasExtras
from attnforge.specs import DataSpec

SHAPES = {"box": (4,), "points": (2, 3), "angle": (), "corners": (4,)}
HOW = "attnforge sample RUN CAPTION --with NAME=NUMBERS"


def squares(**options: Any) -> BoxedSquares:
    return BoxedSquares(DataSpec(split="train", image_size=16), **options)


def sample(key: str, **extras: torch.Tensor) -> Sample:
    return Sample(torch.zeros(3, 2, 2, dtype=torch.uint8), "a bird", 0, key, extras)


def read(values: dict[str, Any], *, captions: int = 2) -> dict[str, torch.Tensor]:
    whole = {"box": [0, 0, 1, 1], "points": [0] * 6, "angle": 1.0, "corners": [0] * 4}
    return read_extras(SHAPES, {**whole, **values}, captions=captions, how=HOW)


def test_a_batch_has_the_extras_of_its_samples_in_their_order() -> None:
    data = squares()
    assert isinstance(data, HasExtras)
    tokenizer = WordTokenizer()
    tokenizer.fit(["a red green blue square", "a the is red"])
    samples = [data.sample(index, seed=0) for index in range(8)]
    for order in ("drawn", "length"):
        encoded = collate(samples, tokenizer=tokenizer, max_words=5, seeds=range(8), order=order)  # type: ignore[arg-type]
        batch = encoded.batch()
        assert batch.extras.keys() == {"box"}
        assert batch.extras["box"].shape == (8, 4)
        for key, box in zip(batch.keys, batch.extras["box"].tolist(), strict=True):
            assert tuple(box) == data.box(data.names.index(key))


def test_samples_without_extras_make_a_batch_without() -> None:
    assert stacked_extras([sample("a"), sample("b")]) == {}


def test_extras_of_the_images_of_captions_follow_the_captions() -> None:
    data = squares()
    boxes = extras_of(data, [5, 0, 5])["box"].tolist()
    assert list(map(tuple, boxes)) == [data.box(5), data.box(0), data.box(5)]
    assert extras_of(data, []) == {}
    assert extras_of(squares(boxes=False), [1, 2]) == {}


@pytest.mark.parametrize(
    "other", [{}, {"box": torch.zeros(5)}, {"box": torch.zeros(4), "angle": torch.zeros(())}]
)
def test_samples_that_differ_in_their_extras_are_named(other: dict[str, torch.Tensor]) -> None:
    with pytest.raises(DataError) as caught:
        stacked_extras([sample("first", box=torch.zeros(4)), sample("odd", **other)])
    (problem,) = caught.value.problems
    assert problem.code == "extras-differ"
    assert "odd" in problem.message
    assert "first" in problem.message


def test_one_value_is_for_all_captions() -> None:
    extras = read({"box": [0.1, 0.2, 0.5, 0.6]})
    assert list(extras) == list(SHAPES)
    assert {name: tuple(value.shape) for name, value in extras.items()} == {
        "box": (2, 4),
        "points": (2, 2, 3),
        "angle": (2,),
        "corners": (2, 4),
    }
    torch.testing.assert_close(extras["box"], torch.tensor([[0.1, 0.2, 0.5, 0.6]] * 2))


@pytest.mark.parametrize(
    "value", [[[0.0, 1, 2, 3], [4, 5, 6, 7]], list(range(8)), torch.arange(8).reshape(2, 4)], ids=type
)
def test_a_value_may_be_given_for_each_caption(value: Any) -> None:
    assert read({"corners": value})["corners"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([0, 0, 1], "has 3 numbers"),
        ([[0, 0, 1, 1]] * 3, "has 12 numbers"),
        ([], "has 0 numbers"),
        ([0, 0, 1, float("nan")], "finite"),
        ([0, 0, 1, 1e39], "finite"),
        ([0, 0, 1, 10**400], "finite"),
        ("left", "finite"),
        ([[0, 0], [1]], "finite"),
        ({"left": 0}, "finite"),
        (None, "finite"),
    ],
)
def test_a_value_of_another_shape_is_refused_with_the_numbers_that_are_needed(
    value: Any, message: str
) -> None:
    with pytest.raises(AttnforgeError) as caught:
        read({"box": value})
    (problem,) = caught.value.problems
    assert problem.code == "bad-extra"
    assert message in problem.message
    assert problem.expected == "4 numbers, or as many for each caption"
    assert problem.next_step == "attnforge sample RUN CAPTION --with box=NUMBERS"


def test_everything_that_is_missing_or_unknown_is_reported_at_once() -> None:
    with pytest.raises(AttnforgeError) as caught:
        read_extras(SHAPES, {"angle": [1, 2], "corners": [0] * 4, "bx": [0, 0, 1, 1]}, captions=2, how=HOW)
    problems = {problem.code: problem for problem in caught.value.problems}
    assert [problem.code for problem in caught.value.problems] == [
        "missing-extra",
        "missing-extra",
        "unknown-extra",
    ]
    assert problems["missing-extra"].expected == "6 numbers (2 x 3) for `points`"
    assert problems["missing-extra"].next_step == "attnforge sample RUN CAPTION --with points=NUMBERS"
    assert problems["unknown-extra"].message == "the model takes no `bx`"
    assert "`box` 4" in str(problems["unknown-extra"].expected)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([0.5, 0.2, 0.6, 0.3], "left + width is 1.1, the right border 1"),
        ([0.1, 0.2, 0.5, 1.6], "top + height is 1.8, the bottom border 1"),
        ([-0.1, 0.2, 0.5, 0.6], "lies outside the image: left is -0.1"),
        ([0.5, 0.2, -0.4, 0.6], "has no area: its width is -0.4"),
        ([0.5, 0.2, 0.4, 0], "has no area: its width is 0.4 and its height 0"),
        ([[0, 0, 1, 1], [60, 20, 100, 80]], "left + width is 160"),
    ],
)
def test_a_box_that_is_not_in_the_image_is_refused(box: Any, message: str) -> None:
    with pytest.raises(AttnforgeError) as caught:
        read({"box": box})
    (problem,) = caught.value.problems
    assert problem.code == "bad-place"
    assert message in problem.message
    assert "left, top, width and height" in str(problem.expected)
    assert problem.next_step == "attnforge sample RUN CAPTION --with box=NUMBERS"


POINTS = {"keypoints": (2, 3)}


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([0.5, 0.5, 1, 1.5, 0.5, 1], "has point 2 at 1.5, 0.5, outside the image"),
        ([0.5, 0.5, 2, 0.5, 0.5, 1], "has 2 for the visibility of point 1"),
        ([-1, -1, -1, 0.5, 0.5, 1], "has -1 for the visibility of point 1"),
    ],
)
def test_a_key_point_that_is_not_in_the_image_is_refused(points: list[float], message: str) -> None:
    with pytest.raises(AttnforgeError) as caught:
        read_extras(POINTS, {"keypoints": points}, captions=1, how=HOW)
    (problem,) = caught.value.problems
    assert problem.code == "bad-place"
    assert message in problem.message


def test_what_a_generator_completes_may_be_missing_or_given_in_part() -> None:
    completed = partial(read_extras, POINTS, captions=1, how=HOW, completed={"keypoints"})
    assert completed({})["keypoints"].tolist() == [[[-1, -1, -1], [-1, -1, -1]]]
    given = completed({"keypoints": [0.5, 0.25, 1, -1, -1, -1]})
    assert given["keypoints"].tolist() == [[[0.5, 0.25, 1], [-1, -1, -1]]]
    with pytest.raises(AttnforgeError, match=r"point 2 at -1, 0\.5"):
        completed({"keypoints": [0.5, 0.25, 1, -1, 0.5, 1]})


def test_extras_of_a_data_set_that_are_no_places_are_refused() -> None:
    refuse_wrong_places({"box": torch.tensor([[0.0, 0, 1, 1]]), "angle": torch.tensor([400.0])})
    with pytest.raises(DataError, match="`box` of the data set") as caught:
        refuse_wrong_places({"box": torch.tensor([[0.0, 0, 1, 1], [12, 20, 100, 80]])})
    assert caught.value.problems[0].code == "bad-place"
