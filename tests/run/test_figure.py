"""Which weights a figure keeps (Eq. 15), and in which order it shows words."""

from __future__ import annotations

import numpy as np
import pytest

from attnforge.report.images import embed
from attnforge.sampling.generated import GeneratedImage
from attnforge.sheets.figure import figure_rows, region_row, stage_row

IMAGE = np.zeros((4, 4, 3), dtype=np.uint8)


def maps(*words: list[float]) -> np.ndarray:
    """One map of a single row of pixels for each word."""
    return np.array(words, dtype=np.float32)[:, None]


@pytest.mark.parametrize(("images", "attentions"), [(3, 2), (2, 2), (1, 2), (1, 0), (2, 3)])
def test_the_last_images_have_the_last_maps_however_many_there_are_of_each(
    images: int, attentions: int
) -> None:
    sides = [4 << number for number in range(images)]
    generated = GeneratedImage(
        caption="red bird",
        words=("red", "bird"),
        seed=1,
        index=0,
        images=tuple(np.zeros((side, side, 3), dtype=np.uint8) for side in sides),
        attention=tuple(np.full((2, 2 + number, 2), 0.5, dtype=np.float32) for number in range(attentions)),
    )
    shown = [None if weights is None else weights.shape[1] - 2 for _, weights in generated.stages]
    assert shown == [
        None if images - number > attentions else attentions - images + number for number in range(images)
    ]
    assert [stage["maps"] is not None for stage in embed(generated)["stages"]] == [
        one is not None for one in shown
    ]
    titles = [row.title.split(":")[0] for row in figure_rows(generated)]
    assert titles == [
        f"stage {n + 1}, {sides[n]} x {sides[n]}" for n, one in enumerate(shown) if one is not None
    ]


def test_a_weight_is_kept_where_it_is_above_one_over_the_words() -> None:
    # four words, so an even share is 0.25; columns are pixels
    weights = maps(
        [0.70, 0.25, 0.26, 0.0], [0.10, 0.25, 0.24, 0.5], [0.10, 0.25, 0.24, 0.5], [0.1, 0.25, 0.26, 0]
    )
    row = stage_row(IMAGE, weights)
    np.testing.assert_allclose(
        row.maps[:, 0], [[0.7, 0, 0.26, 0], [0, 0, 0, 0.5], [0, 0, 0, 0.5], [0, 0, 0.26, 0]]
    )


def test_words_are_ranked_by_how_unevenly_pixels_attend_to_them() -> None:
    # word 0 has most of the attention, at every pixel alike, everywhere above the even share of a third
    weights = maps([0.5, 0.5, 0.5, 0.5], [0.5, 0.1, 0.1, 0.1], [0.0, 0.4, 0.4, 0.4])
    row = stage_row(IMAGE, weights)
    assert row.maps[0].all()
    np.testing.assert_allclose(row.contrasts, [0, 0.075, 0.075], atol=1e-6)
    assert row.strongest() == [1, 2, 0]
    even = stage_row(IMAGE, maps([0.3, 0.3], [0.32, 0.32], [0.38, 0.38]))
    assert even.contrasts.tolist() == [0, 0, 0]


def test_attention_shared_alike_is_black_whatever_the_number_of_words() -> None:
    for words in (1, 2, 3, 7, 11, 18, 49):
        for kind in (np.float32, np.float64):
            weights = np.exp(np.full((words, 2, 2), 0.1, dtype=kind))
            even = weights / weights.sum(axis=0)
            assert not stage_row(IMAGE, even).maps.any()
            assert not region_row(IMAGE, np.full((1, 1, words), kind(1) / kind(words))).maps.any()


def test_the_five_strongest_words_come_first_and_equal_ones_in_the_order_of_the_caption() -> None:
    peaks = [0.1, 0.4, 0.3, 0.4, 0.2, 0.9, 0.15]
    weights = np.zeros((7, 1, 7))
    for word, peak in enumerate(peaks):
        weights[word, 0, word] = peak
    row = stage_row(IMAGE, weights)
    assert row.strongest() == [5, 1, 3, 2, 4]
    assert row.strongest(top=2) == [5, 1]


def test_a_word_s_regions_are_what_stands_out_of_an_even_spread() -> None:
    # four regions, an even spread gives each 0.25
    row = region_row(IMAGE, maps([0.25] * 4, [0.7, 0.1, 0.1, 0.1], [0.4, 0.4, 0.1, 0.1]))
    np.testing.assert_allclose(row.maps[:, 0], [[0] * 4, [0.45, 0, 0, 0], [0.15, 0.15, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(row.contrasts, [0, 0.45, 0.3], atol=1e-6)
    assert row.strongest() == [1, 2, 0]


def test_there_is_a_row_for_every_stage_with_attention_and_one_for_regions() -> None:
    images = tuple(np.full((side, side, 3), side, dtype=np.uint8) for side in (8, 16, 32))
    attention = (np.full((2, 8, 8), 0.5, np.float32), np.full((2, 16, 16), 0.5, np.float32))
    regions = np.full((2, 4, 4), 1 / 16, np.float32)
    bare = GeneratedImage("a bird", ("a", "bird"), 1, 0, images, attention)
    assert [row.image.shape[0] for row in figure_rows(bare)] == [16, 32]
    whole = GeneratedImage("a bird", ("a", "bird"), 1, 0, images, attention, regions)
    rows = figure_rows(whole)
    assert [row.image.shape[0] for row in rows] == [16, 32, 32]
    assert [row.maps.shape for row in rows] == [(2, 8, 8), (2, 16, 16), (2, 4, 4)]
    assert [row.title.split(":")[0] for row in rows] == ["stage 2, 16 x 16", "stage 3, 32 x 32", "matching"]


@pytest.mark.parametrize("words", [0, 2])
def test_what_is_no_number_is_black(words: int) -> None:
    weights = np.full((words, 2, 2), np.nan, dtype=np.float32)
    for row in (stage_row(IMAGE, weights), region_row(IMAGE, weights)):
        assert not row.maps.any()
        assert row.contrasts.tolist() == [0] * words
