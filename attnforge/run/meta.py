"""The parts and the batches of a recipe on the device `meta`: shapes without values, memory or data."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast

import torch
import torch.fx.experimental._config as tracing
from torch import Tensor

from attnforge.build.builder import class_of
from attnforge.build.datasets import Datasets, declared_extras
from attnforge.build.parts import Parts
from attnforge.compute.engine import Engine
from attnforge.errors import AttnforgeError
from attnforge.interfaces import Batch, Tokenizer
from attnforge.recipe.schema import Phase, Recipe

META = torch.device("meta")
VOCABULARY_SIZE = 4_000
"""Assumed for a tokenizer that learns its vocabulary; it only affects the size of the embedding."""


@dataclass(frozen=True, slots=True)
class _UnfittedTokenizer:
    """Stands in for a tokenizer that has not been fitted to captions."""

    vocabulary_size: int = VOCABULARY_SIZE


def meta_parts(recipe: Recipe) -> Parts:
    """The parts of a recipe on the device `meta`.

    Its data is opened only where samples may have extras whose shapes its class does not declare.

    Raises:
        DataError: that data is missing or malformed.
    """
    datasets = Datasets(recipe.data, on_bad_image=recipe.training.on_bad_image)
    if declared_extras(recipe.data) is None and _may_have_extras(class_of(recipe.data)):
        datasets.of_any_size("train")
    training = recipe.training
    engine = Engine(
        device=META, channels_last=training.channels_last, micro_batch_size=training.micro_batch_size
    )
    return Parts(recipe, tokenizer=_tokenizer(recipe), device=META, engine=engine, datasets=datasets)


def _may_have_extras(data: type) -> bool:
    """Whether samples of a class of data sets may have extras; see `attnforge.optional.HasExtras`."""
    return any(
        "extras" in vars(base) or "extras" in inspect.get_annotations(base) for base in inspect.getmro(data)
    )


def meta_batch(parts: Parts, phase: Phase) -> Batch:
    """A batch of a phase, with captions of the greatest length."""
    images, tokens = phase.batch_size, phase.max_words
    image_size = phase.image_size or parts.image_size
    with META:
        return Batch(
            image=torch.empty(images, 3, image_size, image_size),
            tokens=torch.empty(images, tokens, dtype=torch.long),
            lengths=torch.empty(images, dtype=torch.long),
            class_ids=torch.empty(images, dtype=torch.long),
            captions=("a bird",) * images,
            keys=tuple(map(str, range(images))),
            levels=torch.empty(images, 3, image_size, image_size, dtype=torch.uint8),
            extras=meta_extras(parts.extras, images),
        )


def meta_extras(shapes: Mapping[str, tuple[int, ...]], images: int) -> dict[str, Tensor]:
    """The extras of a batch."""
    return {name: torch.empty(images, *shape, device=META) for name, shape in shapes.items()}


@contextmanager
def all_selected() -> Iterator[None]:
    """Let a selection by value select everything, so that its shapes are the largest possible."""
    with tracing.patch(meta_nonzero_assume_all_nonzero=True):  # type: ignore[attr-defined]
        yield


def _tokenizer(recipe: Recipe) -> Tokenizer:
    with suppress(AttnforgeError):  # a missing file is reported when captions are read
        tokenizer = recipe.tokenizer()
        if tokenizer.vocabulary_size > 1:
            return tokenizer
    return cast("Tokenizer", _UnfittedTokenizer())
