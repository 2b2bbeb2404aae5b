"""What a metric promises: values that depend on the images and captions alone, however they are batched."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from attnforge.evaluate.extracting import Extraction
from attnforge.evaluate.headlines import NOTE, WITHHELD
from attnforge.interfaces import Dataset, Metric
from attnforge.specs import MetricSpec
from attnforge.testing.expect import assert_close, require
from attnforge.testing.numbers import numbers
from attnforge.testing.subject import Subject

COUNT = 12
"""How many images are scored."""


class Captioned(NamedTuple):
    """Images with their captions."""

    images: Tensor
    captions: tuple[str, ...]


def named_metrics(subject: Subject) -> None:
    """It computes at least one finite number by name; parts of it may be withheld."""
    metrics = _metrics(subject, _captioned(subject))
    require(metrics, "the metric has no values: give a `spec` with data whose captions it can read")
    for name, value in metrics.items():
        require(isinstance(name, str) and name.strip(), f"a value is called {name!r}")
        if name.endswith(WITHHELD):
            part = any(name.startswith(f"{other} ") for other in metrics if not other.endswith(WITHHELD))
            require(part, f"`{name}` for {COUNT} images, without any value: {value}")
            continue
        if name.endswith(NOTE):
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        require(number, f"`{name}` is a {type(value).__name__}, not a number")
        require(math.isfinite(value), f"`{name}` is {value}")


def one_row_each(subject: Subject) -> None:
    """Extractors return a tensor with one row for each image."""
    metric, data = subject.build(), _captioned(subject)
    for name, rows in _rows(metric, data, size=COUNT).items():
        require(isinstance(name, str) and name.strip(), f"rows are called {name!r}")
        require(isinstance(rows, Tensor), f"`{name}` is a {type(rows).__name__}, not a tensor")
        require(len(rows) == COUNT, f"`{name}` has {len(rows)} rows for {COUNT} images")


def image_order_invariance(subject: Subject) -> None:
    """The order of the images, with their captions, does not change the values."""
    data = _captioned(subject)
    order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(2))
    permuted = Captioned(data.images[order], tuple(data.captions[int(index)] for index in order))
    _require_close(_metrics(subject, permuted), _metrics(subject, data), "images in another order")


def batch_size_invariance(subject: Subject) -> None:
    """The batch size does not change the rows, and so no value."""
    data = _captioned(subject)
    whole = _rows(subject.build(), data, size=COUNT)
    for size in (1, 5):
        for name, rows in _rows(subject.build(), data, size=size).items():
            assert_close(rows.double(), whole[name].double(), f"`{name}` of images in batches of {size}")


def compute_is_repeatable(subject: Subject) -> None:
    """A second `compute` of the same rows gives the same values, and changes no row."""
    metric, data = subject.build(), _captioned(subject)
    rows = _rows(metric, data, size=COUNT)
    before = {name: values.clone() for name, values in rows.items()}
    first = metric.compute(rows, data.captions)
    _require_close(metric.compute(rows, data.captions), first, "second compute")
    changed = [name for name, values in rows.items() if not torch.equal(values, before[name])]
    require(not changed, f"compute changes the rows `{', '.join(changed)}`")


def compute_without_images(subject: Subject) -> None:
    """`compute` of no rows returns a mapping and does not fail."""
    metric = subject.build()
    rows = {name: values[:0] for name, values in _rows(metric, _captioned(subject), size=COUNT).items()}
    values = metric.compute(rows, ())
    require(isinstance(values, Mapping), f"compute without images returns {values!r}, not a mapping")


def depends_on_images(subject: Subject) -> None:
    """Different images for the same captions give different values."""
    data = _captioned(subject)
    values = _metrics(subject, data)
    noise = (numbers(*data.images.shape, seed=seed).clamp(-1, 1) for seed in range(3))
    changed = (torch.zeros_like(data.images), -data.images, data.images.roll(COUNT // 2, dims=0), *noise)
    others = [_metrics(subject, Captioned(images, data.captions)) for images in changed]
    require(any(other != values for other in others), "the values do not depend on the images")


def inputs_are_unchanged(subject: Subject) -> None:
    """It modifies neither the image encoder, weights and statistics, nor the images."""
    spec, data = subject.spec(), _captioned(subject)
    network = cast("nn.Module", spec.image)
    before = copy.deepcopy(network.state_dict())
    images = data.images.clone()
    metric = subject.build(spec=spec)
    metric.compute(_rows(metric, data, size=COUNT), data.captions)
    changed = [key for key, value in network.state_dict().items() if not torch.equal(value, before[key])]
    require(not changed, f"the metric modifies {', '.join(changed[:3])} of the image encoder")
    require(torch.equal(images, data.images), "the metric modifies the images")


def _captioned(subject: Subject) -> Captioned:
    """Images of the spec's data with their captions."""
    spec: MetricSpec = subject.spec()
    require(spec.data is not None, "give a `spec` with data, whose images and captions are measured")
    data = cast("Dataset", spec.data)
    samples = [data.sample(index % len(data), seed=index) for index in range(COUNT)]
    images = torch.stack([sample.image for sample in samples]).float() / 127.5 - 1
    return Captioned(images, tuple(sample.caption for sample in samples))


def _metrics(subject: Subject, data: Captioned) -> Mapping[str, Any]:
    metric = subject.build()
    metrics: Mapping[str, Any] = metric.compute(_rows(metric, data, size=COUNT), data.captions)
    return metrics


def _rows(metric: Metric, data: Captioned, *, size: int) -> dict[str, Tensor]:
    """The rows of all images, extracted in batches of a size."""
    extraction = Extraction(batch_size=size)
    return extraction.rows(_Source(data.images, data.captions), metric.extractors())


class _Source(NamedTuple):
    """Images in memory, as an evaluation reads them."""

    pixels: Tensor
    captions: Sequence[str]

    def images(self, numbers: Sequence[int]) -> Tensor:
        """The images of some numbers."""
        return self.pixels[list(numbers)]


def _require_close(actual: Mapping[str, Any], expected: Mapping[str, Any], what: str) -> None:
    require(actual.keys() == expected.keys(), f"{what}: values {sorted(actual)}, expected {sorted(expected)}")
    for name, value in expected.items():
        if isinstance(value, str) or isinstance(actual[name], str):
            close = actual[name] == value
        else:
            close = math.isclose(actual[name], value, rel_tol=1e-4, abs_tol=1e-5)
        require(close, f"{what}: `{name}` is {actual[name]}, expected {value}")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    named_metrics,
    one_row_each,
    image_order_invariance,
    batch_size_invariance,
    compute_is_repeatable,
    compute_without_images,
    depends_on_images,
    inputs_are_unchanged,
)
