"""The strategies generate valid inputs: right shapes, ranges and padding, and enough variety."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, find, given, settings
from hypothesis.strategies import SearchStrategy

from attnforge.interfaces import Batch, TextFeatures
from attnforge.plugin import KINDS
from attnforge.testing import strategies
from attnforge.testing.examples import spec_for
from attnforge.testing.examples.catalogue import examples

FEW = settings(max_examples=20, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def finds(strategy: SearchStrategy[Any], condition: Callable[[Any], bool]) -> bool:
    """Whether a strategy generates such an example; `find` raises if it does not."""
    find(strategy, condition, settings=settings(max_examples=300, derandomize=True, database=None))
    return True


@FEW
@given(strategies.text_features(width=6))
def test_texts_have_words_and_zeros_at_padding(text: TextFeatures) -> None:
    batch, width, longest = text.words.shape
    assert width == 6
    assert text.sentence.shape == (batch, 6)
    assert text.padding.shape == (batch, longest)
    assert int(text.lengths.min()) >= 1
    assert not text.words.masked_fill(~text.padding[:, None], 0).any()


def test_texts_vary() -> None:
    assert finds(strategies.text_features(width=2), lambda text: bool(text.padding.any()))
    assert finds(strategies.text_features(width=2), lambda text: len(set(text.lengths.tolist())) > 2)


@FEW
@given(strategies.images(size=8))
def test_images_lie_in_range(images: torch.Tensor) -> None:
    assert images.shape[1:] == (3, 8, 8)
    assert float(images.abs().max()) <= 1


def test_some_images_are_constant() -> None:
    assert finds(strategies.images(size=4), lambda images: bool((images == -1).all()))
    assert finds(strategies.images(size=4), lambda images: float(images.std()) > 0.1)


def test_feature_maps_are_not_always_square() -> None:
    maps = strategies.feature_maps(channels=3, batch=2)
    assert finds(maps, lambda maps: maps.shape[2] != maps.shape[3])


@pytest.mark.filterwarnings("ignore:Do not use the .random. module")  # the tests' checks of types do
@FEW
@given(strategies.batches(image_size=8, vocabulary_size=12))
def test_batches_fit_together(batch: Batch) -> None:
    count = len(batch.keys)
    assert len(batch.image) == len(batch.tokens) == len(batch.class_ids) == len(batch.captions) == count
    assert batch.tokens.shape[1] == int(batch.lengths.max())
    assert int(batch.tokens.max()) < 12
    beyond = torch.arange(batch.tokens.shape[1]) >= batch.lengths[:, None]
    assert bool(((batch.tokens == 0) == beyond).all())


def test_captions_differ_in_case_and_end() -> None:
    assert finds(strategies.captions(), lambda caption: caption[:1].isupper())
    assert finds(strategies.captions(), lambda caption: caption.endswith("."))
    assert finds(strategies.any_texts(), lambda text: not text.isascii())


@pytest.mark.parametrize("kind", KINDS)
def test_specs_of_every_kind(kind: str, tmp_path: Path) -> None:
    assert finds(
        strategies.specs(kind, folder=tmp_path), lambda spec: type(spec) is type(spec_for(kind, tmp_path))
    )
    assert {example.kind for example in examples()} == set(KINDS)


def test_specs_of_trackers_need_a_folder() -> None:
    with pytest.raises(ValueError, match="folder"):
        strategies.specs("tracker")
    with pytest.raises(KeyError):
        strategies.specs("attentions")
