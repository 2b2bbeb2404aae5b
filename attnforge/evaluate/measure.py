"""Evaluates a generator on captions that it was not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.build.parts import Parts
from attnforge.compute.collectives import gather, rank, world_size
from attnforge.data.choosing import choose_captions
from attnforge.data.encoding import CaptionEncoder, UnknownWords
from attnforge.data.extras import extras_of
from attnforge.evaluate.headlines import headlines
from attnforge.interfaces import Metric
from attnforge.specs import MetricSpec


@dataclass(frozen=True, slots=True)
class MeasuredValues:
    """The values of a recipe's metrics."""

    metrics: dict[str, float | int | str]
    """By name, with the number of captions and the seed; empty for a recipe without metrics."""
    main: dict[str, str]
    """The name of the value by which each metric compares generators, by the metric's name in the recipe.

    A metric that is withheld has none.
    """


Extras = Mapping[str, Float[Tensor, "b *shape"]]
"""What the images of a batch are to show besides their captions, by name."""


def measure(
    parts: Parts,
    generate: Callable[[Sequence[str], Sequence[int], Extras], Float[Tensor, "b 3 h w"]],
) -> MeasuredValues:
    """Generate images for captions of the test split and return the values of the recipe's metrics.

    `evaluation.seed` determines the captions and the noise; one caption is taken from each image of the split
    before a second from any.

    `generate` gets captions, the position of each among all captions, and the extras of the images that they
    belong to. It returns an image in [-1, 1] for each, with noise determined by the seed and the position, so
    that no value depends on `evaluation.batch_size`. It encodes captions with `parts.measuring_tokenizer`, as
    the metrics do.
    """
    options = parts.recipe.evaluation
    if not options.metrics:
        return MeasuredValues({}, {})
    data = parts.dataset("test")
    metrics = build_metrics(parts)
    chosen = choose_captions(data, count=options.captions, seed=options.seed, tokenizer=parts.tokenizer)
    for start in range(0, len(chosen), options.batch_size):
        batch = chosen[start : start + options.batch_size]
        captions = [choice.caption for choice in batch]
        extras = extras_of(data, [choice.image for choice in batch])
        images = _in_processes(generate, captions, range(start, start + len(batch)), extras)
        for metric in metrics:
            metric.update(images, captions)
    values: dict[str, Any] = {"captions": len(chosen), "evaluation seed": options.seed}
    main: dict[str, str] = {}
    for name, metric in zip(options.metrics, metrics, strict=True):
        computed = metric.compute()
        values |= computed
        if names := headlines(computed):
            main[name] = names[0]
    return MeasuredValues(values, main)


def _in_processes(
    generate: Callable[[Sequence[str], Sequence[int], Extras], Float[Tensor, "b 3 h w"]],
    captions: Sequence[str],
    positions: Sequence[int],
    extras: Extras,
) -> Float[Tensor, "b 3 h w"]:
    """The images of a batch, of which each process generates a share."""
    if world_size() == 1:
        return generate(captions, positions, extras)
    count = math.ceil(len(captions) / world_size())
    # the last processes repeat the last caption where the batch cannot be shared equally
    rows = [min(row, len(captions) - 1) for row in range(rank() * count, (rank() + 1) * count)]
    own = generate(
        [captions[row] for row in rows],
        [positions[row] for row in rows],
        {name: values[rows] for name, values in extras.items()},
    )
    with torch.no_grad():
        return gather(own)[: len(captions)]


def build_metrics(parts: Parts) -> list[Metric]:
    """The recipe's metrics on the test split; a run builds them before training, to fail early.

    Raises:
        DataError: the test split is missing or malformed.
    """
    builders = parts.recipe.evaluation.metrics.values()
    if not builders:
        return []
    data = parts.dataset("test")
    tokenizer = parts.measuring_tokenizer
    encode = CaptionEncoder(parts.text, tokenizer, parts.device)
    spec = MetricSpec(encode=encode, image=parts.image, tokenizer=tokenizer, data=data)
    return [builder(spec) for builder in builders]


def unknown_evaluation_words(parts: Parts) -> UnknownWords:
    """Words of the evaluation's captions that the vocabulary lacks."""
    options = parts.recipe.evaluation
    data = parts.dataset("test")
    chosen = choose_captions(data, count=options.captions, seed=options.seed, tokenizer=parts.tokenizer)
    return UnknownWords.of(parts.tokenizer, (choice.caption for choice in chosen))
