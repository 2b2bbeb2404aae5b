"""The image of the padding mask in the documentation shows what is computed, and what the text says."""

from __future__ import annotations

import runpy
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attnforge.sampling.pipeline import Pipeline

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "draw_padding.py"))


def test_only_the_official_mask_reads_padding_and_hides_words(script: dict[str, Any], trained: Path) -> None:
    alone, per_caption, official = script["three_views"](Pipeline.load(trained, device="cpu"))
    words = alone.words
    assert words == len(alone.maps) == per_caption.words < len(per_caption.maps)
    np.testing.assert_allclose(per_caption.maps[:words], alone.maps, rtol=1e-3, atol=1e-6)
    assert not per_caption.maps[words:].any()
    assert per_caption.on_padding == per_caption.pixels_missing_a_word == 0
    assert official.on_padding > 0.01
    # every third pixel has the shorter caption's mask, every third that of the longer
    assert official.pixels_missing_a_word == pytest.approx(1 / 3, abs=0.01)
    assert ((official.maps[words:] > 0).all(axis=0)).mean() == pytest.approx(1 / 3, abs=0.01)


def test_the_image_has_a_row_for_each_view_and_a_tile_for_each_slot(
    script: dict[str, Any], trained: Path
) -> None:
    pipeline = Pipeline.load(trained, device="cpu")
    views = script["three_views"](pipeline)
    page = np.asarray(script["sheet"](views, pipeline.parts.tokenizer.tokens(script["SHOWN"])))
    orange = (page[..., 0] > page[..., 2] + 20) & (page[..., 0] > page[..., 1])
    first = script["LEFT"] + (views[0].words - script["FIRST_SLOT"]) * (script["TILE"] + script["GAP"])
    lines = script["LINE"] + np.arange(4) * (script["LINE"] + script["TILE"] + script["GAP"])
    rows = [orange[top:bottom, first:].any() for top, bottom in pairwise(lines)]
    assert rows == [False, False, True]
