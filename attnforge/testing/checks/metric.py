"""What a metric promises: figures of the images and captions alone, however they arrive."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from attnforge.evaluate.headlines import WITHHELD
from attnforge.specs import MetricSpec
from attnforge.testing.expect import require
from attnforge.testing.strategies import numbers
from attnforge.testing.subject import Subject

COUNT = 12
"""How many images are judged."""


class Judged(NamedTuple):
    """What a metric is given."""

    images: Tensor
    captions: tuple[str, ...]


def named_metrics(subject: Subject) -> None:
    """Images with captions give at least one finite number by name; parts of it may be withheld."""
    metrics = _metrics(subject, [_judged(subject)])
    require(metrics, "there are no figures: give a `spec` with data whose captions it can read")
    for name, value in metrics.items():
        require(isinstance(name, str) and name.strip(), f"a figure is called {name!r}")
        if name.endswith(WITHHELD):
            part = any(name.startswith(f"{other} ") for other in metrics if not other.endswith(WITHHELD))
            require(part, f"`{name}` for {COUNT} images: {value}")
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        require(number, f"`{name}` is a {type(value).__name__}, not a number")
        require(math.isfinite(value), f"`{name}` is {value}")


def order_of_images(subject: Subject) -> None:
    """The same images with their captions in another order give the same figures."""
    given = _judged(subject)
    order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(2))
    turned = Judged(given.images[order], tuple(given.captions[int(place)] for place in order))
    _close(_metrics(subject, [turned]), _metrics(subject, [given]), "images in another order")


def batches_do_not_matter(subject: Subject) -> None:
    """Images that arrive in other batches, down to single ones, give the same figures."""
    given = _judged(subject)
    whole = _metrics(subject, [given])
    for size in (1, 5):
        parts = [
            Judged(given.images[start : start + size], given.captions[start : start + size])
            for start in range(0, COUNT, size)
        ]
        _close(_metrics(subject, parts), whole, f"images in batches of {size}")


def computing_twice(subject: Subject) -> None:
    """Computing a second time gives the same, and more images may follow."""
    metric, given = subject.build(), _judged(subject)
    metric.update(given.images[:6], given.captions[:6])
    first = metric.compute()
    _close(metric.compute(), first, "computed a second time")
    metric.update(given.images[6:], given.captions[6:])
    _close(metric.compute(), _metrics(subject, [given]), "computed once in between")


def without_images(subject: Subject) -> None:
    """Before any image has come, computing gives figures or none and does not fail."""
    found = subject.build().compute()
    require(isinstance(found, Mapping), f"without images it gives {found!r}")


def images_matter(subject: Subject) -> None:
    """Other images for the same captions give other figures."""
    given = _judged(subject)
    one = _metrics(subject, [given])
    noise = (numbers(*given.images.shape, seed=seed).clamp(-1, 1) for seed in range(3))
    changed = (torch.zeros_like(given.images), -given.images, given.images.roll(COUNT // 2, dims=0), *noise)
    others = [_metrics(subject, [Judged(images, given.captions)]) for images in changed]
    require(any(other != one for other in others), "the figures are the same whatever the images show")


def networks_stay(subject: Subject) -> None:
    """It changes no weight, no statistic and no image of those that it is handed."""
    spec, given = subject.spec(), _judged(subject)
    network = cast("nn.Module", spec.image)
    before = copy.deepcopy(network.state_dict())
    images = given.images.clone()
    metric = subject.build(spec=spec)
    metric.update(given.images, given.captions)
    metric.compute()
    changed = [key for key, value in network.state_dict().items() if not torch.equal(value, before[key])]
    require(not changed, f"it changes {', '.join(changed[:3])} of the image encoder")
    require(torch.equal(images, given.images), "it changes the images that it is given")


def _judged(subject: Subject) -> Judged:
    """Images of the spec's data with their captions."""
    spec: MetricSpec = subject.spec()
    samples = [spec.data.sample(index % len(spec.data), seed=index) for index in range(COUNT)]
    images = torch.stack([sample.image for sample in samples]).float() / 127.5 - 1
    return Judged(images, tuple(sample.caption for sample in samples))


def _metrics(subject: Subject, parts: Sequence[Judged]) -> Mapping[str, Any]:
    metric = subject.build()
    for part in parts:
        metric.update(part.images, part.captions)
    metrics: Mapping[str, Any] = metric.compute()
    return metrics


def _close(found: Mapping[str, Any], wanted: Mapping[str, Any], what: str) -> None:
    require(found.keys() == wanted.keys(), f"{what}: figures {sorted(found)}, not {sorted(wanted)}")
    for name, value in wanted.items():
        texts = isinstance(value, str) or isinstance(found[name], str)
        near = found[name] == value if texts else math.isclose(found[name], value, rel_tol=1e-4, abs_tol=1e-5)
        require(near, f"{what}: `{name}` is {found[name]}, not {value}")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    named_metrics,
    order_of_images,
    batches_do_not_matter,
    computing_twice,
    without_images,
    images_matter,
    networks_stay,
)
