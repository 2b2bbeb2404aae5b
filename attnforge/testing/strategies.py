"""Hypothesis strategies for components' inputs: texts, feature maps, images, captions, specs, batches.

Hypothesis draws the shapes and a seed for the numbers, so that examples shrink to small shapes and are fast
to generate. Letters of shapes are those of `attnforge.interfaces`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from torch import Tensor

from attnforge.specs import (
    AttentionSpec,
    ConditionerSpec,
    DataSpec,
    DiscriminatorSpec,
    GeneratorSpec,
    ImageSpec,
    LossSpec,
    StageSpec,
    TextSpec,
)
from attnforge.testing.numbers import numbers
from attnforge.values import Batch, TextFeatures

WORDS = ("a", "the", "red", "blue", "green", "small", "bird", "wing", "beak", "crown", "with", "on", "and")
"""The words of the captions."""


def seeds() -> SearchStrategy[int]:
    """Seeds for random numbers."""
    return st.integers(0, 2**31 - 1)


@st.composite
def lengths(draw: DrawFn, *, batch: int, words: int) -> Tensor:
    """Lengths of `batch` captions, 1 to `words` words each: b."""
    return torch.tensor(draw(st.lists(st.integers(1, words), min_size=batch, max_size=batch)))


@st.composite
def text_features(
    draw: DrawFn, *, width: int, batch: int | None = None, max_batch: int = 4, max_words: int = 6
) -> TextFeatures:
    """Encoded captions of different lengths: words b d l, sentence b d, padding b l.

    Args:
        draw: Passed by hypothesis.
        width: Width d of word and sentence vectors.
        batch: Number of captions; drawn when not given.
        max_batch: Largest number of captions.
        max_words: Largest number of words l of a caption.
    """
    count = batch or draw(st.integers(1, max_batch))
    longest = draw(st.integers(1, max_words))
    caption_lengths = draw(lengths(batch=count, words=longest))
    padding = torch.arange(longest) >= caption_lengths[:, None]
    seed = draw(seeds())
    words = numbers(count, width, longest, seed=seed).masked_fill(padding[:, None], 0)
    return TextFeatures(words=words, sentence=numbers(count, width, seed=seed + 1), padding=padding)


@st.composite
def feature_maps(draw: DrawFn, *, channels: int, batch: int, max_side: int = 5) -> Tensor:
    """Feature maps, not always square: b c h w.

    Args:
        draw: Passed by hypothesis.
        channels: Channels c.
        batch: Number of maps.
        max_side: Largest height and width.
    """
    height, width = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    return numbers(batch, channels, height, width, seed=draw(seeds()))


@st.composite
def images(draw: DrawFn, *, size: int, batch: int | None = None, max_batch: int = 4) -> Tensor:
    """Square images in [-1, 1] of one colour each with noise, or all black or all white: b 3 h w."""
    count = batch or draw(st.integers(1, max_batch))
    if draw(st.integers(0, 4)) == 0:
        return torch.full((count, 3, size, size), draw(st.sampled_from((-1.0, 1.0))))
    seed = draw(seeds())
    return (numbers(count, 3, 1, 1, seed=seed) + 0.3 * numbers(count, 3, size, size, seed=seed + 1)).clamp(
        -1, 1
    )


def captions(*, max_words: int = 6) -> SearchStrategy[str]:
    """Captions of words from `WORDS`, some with a capital letter, commas or a full stop."""
    words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=max_words)
    joined = st.builds(str.join, st.sampled_from((" ", ", ")), words)
    return st.builds(_punctuate, joined, st.booleans(), st.sampled_from(("", ".", " ")))


def any_texts(*, max_size: int = 30) -> SearchStrategy[str]:
    """Any text that a UTF-8 file of captions can hold, including the empty string."""
    return st.text(st.characters(codec="utf-8"), max_size=max_size)


@st.composite
def token_batches(
    draw: DrawFn, *, vocabulary_size: int, batch: int | None = None, max_batch: int = 4, max_words: int = 6
) -> tuple[Tensor, Tensor]:
    """Token ids of captions, padded with 0, and the captions' lengths: b l and b.

    The longest caption fills its row, as in every batch of attnforge.
    """
    count = batch or draw(st.integers(1, max_batch))
    caption = st.lists(st.integers(1, vocabulary_size - 1), min_size=1, max_size=max_words)
    return _padded(draw(st.lists(caption, min_size=count, max_size=count)))


@st.composite
def batches(
    draw: DrawFn, *, image_size: int, vocabulary_size: int, batch: int | None = None, max_batch: int = 4
) -> Batch:
    """Training batches: images with their captions, token ids and classes."""
    tokens, caption_lengths = draw(
        token_batches(vocabulary_size=vocabulary_size, batch=batch, max_batch=max_batch)
    )
    count = len(caption_lengths)
    texts = draw(st.lists(captions(), min_size=count, max_size=count))
    return Batch(
        image=draw(images(size=image_size, batch=count)),
        tokens=tokens,
        lengths=caption_lengths,
        class_ids=torch.tensor(draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))),
        captions=tuple(texts),
        keys=tuple(f"image {index}" for index in range(count)),
    )


def extra_shapes() -> SearchStrategy[dict[str, tuple[int, ...]]]:
    """The shapes of a data set's extras by name: a box, key points with their visibility, both, or none."""
    shapes: dict[str, tuple[int, ...]] = {"box": (4,), "keypoints": (5, 3)}
    return st.sets(st.sampled_from(sorted(shapes))).map(
        lambda names: {name: shapes[name] for name in sorted(names)}
    )


def specs(kind: str, *, folder: Path | None = None) -> SearchStrategy[Any]:
    """Small specs of a kind of component; None for kinds without a spec.

    Networks in the specs of samplers, scorers, metrics and tasks are small examples, built for each spec.

    Args:
        kind: One of `attnforge.plugin.KINDS`.
        folder: Where run folders are made; needed for trackers only.

    Raises:
        KeyError: There is no such kind.
        ValueError: A tracker's spec needs a folder.
    """
    if kind in ("sampler", "scorer", "metric", "task", "tracker"):
        from attnforge.testing.examples import spec_for  # the examples import this module

        if kind == "tracker" and folder is None:
            raise ValueError("specs of trackers need a `folder`, in which their run folders are made")
        return st.builds(spec_for, st.just(kind), st.just(folder or Path()))
    widths, sides = st.integers(2, 8), st.sampled_from((16, 32))
    strategies: dict[str, SearchStrategy[Any]] = {
        "text-encoder": st.builds(TextSpec, vocabulary_size=st.integers(3, 30)),
        "image-encoder": st.builds(ImageSpec, dim=widths, image_size=sides),
        "conditioner": st.builds(ConditionerSpec, sentence=widths),
        "attention": st.builds(AttentionSpec, channels=widths, words=widths),
        "stage": st.builds(
            _stage_spec,
            channels=widths,
            in_channels=st.none() | widths,
            out_size=sides,
            condition=widths,
            words=widths,
        ),
        "generator": st.builds(GeneratorSpec, words=widths, extras=extra_shapes()),
        "discriminator": st.builds(
            DiscriminatorSpec,
            image_size=sides,
            sentence=widths,
            condition=st.none() | widths,
            extras=extra_shapes(),
        ),
        "dataset": st.builds(DataSpec, split=st.sampled_from(("train", "test")), image_size=sides),
    }
    strategies["loss"] = st.builds(
        LossSpec,
        words=widths,
        vocabulary_size=st.integers(3, 30),
        image_sizes=st.sampled_from(((32,), (16, 32))),
        condition=st.none() | widths,
        unconditional=st.booleans(),
        extras=extra_shapes(),
        image_encoder=st.booleans(),
    )
    strategies |= dict.fromkeys(("tokenizer", "feature-network", "kernel"), st.none())
    return strategies[kind]


def _stage_spec(*, in_channels: int | None, out_size: int, **widths: int) -> StageSpec:
    """A first stage, or one that doubles the size of its map."""
    in_size = None if in_channels is None else out_size // 2
    return StageSpec(in_channels=in_channels, in_size=in_size, out_size=out_size, **widths)


def _padded(encoded: list[list[int]]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, encoded))
    rows = [ids + [0] * (longest - len(ids)) for ids in encoded]
    return torch.tensor(rows), torch.tensor([len(ids) for ids in encoded])


def _punctuate(text: str, capital: bool, end: str) -> str:
    return (text.capitalize() if capital else text) + end
