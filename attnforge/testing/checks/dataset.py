"""What a data set promises: the same image for the same seed, in every process that loads it."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from attnforge.errors import AttnforgeError
from attnforge.interfaces import Sample
from attnforge.testing.expect import require
from attnforge.testing.subject import Subject

MOST = 6
"""How many images of a large data set are looked at."""


def both_splits(subject: Subject) -> None:
    """There are images to train with and others to test with."""
    keys = {}
    for split in ("train", "test"):
        data = subject.build(spec=replace(subject.spec(), split=split))
        require(len(data) >= 1, f"the split {split} has {len(data)} images")
        keys[split] = {data.sample(index, seed=0).key for index in _places(data)}
    shared = keys["train"] & keys["test"]
    require(not shared, f"{sorted(shared)[:3]} are in both splits")


def images(subject: Subject) -> None:
    """An image holds bytes, 3 h w, and is a square of the size that the spec asks for."""
    data, size = subject.build(), subject.spec().image_size
    for index in _places(data):
        image = data.sample(index, seed=index).image
        shape = list(image.shape)
        require(image.dtype == torch.uint8, f"image {index} holds {image.dtype}, not bytes")
        require(shape == [3, size, size], f"image {index} is {shape}, not {[3, size, size]}")


def captions(subject: Subject) -> None:
    """Every image has captions, none of them blank, and a sample has one of them."""
    data = subject.build()
    for index in _places(data):
        texts = list(data.captions(index))
        require(texts, f"image {index} has no caption")
        for text in texts:
            require(isinstance(text, str) and text.strip(), f"image {index} has the caption {text!r}")
        for seed in range(3):
            drawn = data.sample(index, seed=seed).caption
            require(drawn in texts, f"the sample's caption {drawn!r} is none of image {index}'s")


def classes(subject: Subject) -> None:
    """The class of an image is a whole number from 0, and a sample says the same."""
    data = subject.build()
    for index in _places(data):
        number = data.class_id(index)
        whole = isinstance(number, int) and not isinstance(number, bool) and number >= 0
        require(whole, f"the class of image {index} is {number!r}")
        said = data.sample(index, seed=0).class_id
        require(said == number, f"image {index} is of class {number}, its sample of {said}")


def keys(subject: Subject) -> None:
    """Every image has a key of its own, whatever the seed."""
    data = subject.build()
    found = [data.sample(index, seed=0).key for index in _places(data)]
    require(len(set(found)) == len(found), f"keys are not unique: {found}")
    for index, key in zip(_places(data), found, strict=True):
        other = data.sample(index, seed=1).key
        require(other == key, f"with another seed image {index} is called {other!r}, not {key!r}")


def same_seed_same_sample(subject: Subject) -> None:
    """The same index and seed give the same sample, whatever was loaded or drawn at random before."""
    data = subject.build()
    for index in _places(data):
        with _luck(100 + index):
            first = data.sample(index, seed=5)
        with _luck(200 + index):
            data.sample((index + 1) % len(data), seed=9)
            _equal(data.sample(index, seed=5), first, f"image {index} loaded again")


def samples_are_their_own(subject: Subject) -> None:
    """Writing into a sample's image changes no later sample."""
    data = subject.build()
    first = data.sample(0, seed=5)
    kept = first.image.clone()
    first.image.bitwise_not_()
    require(torch.equal(data.sample(0, seed=5).image, kept), "what is written into a sample comes back later")


def pickling(subject: Subject) -> None:
    """It travels into a worker process: pickled and read back, it gives the same samples."""
    data = subject.build()
    data.sample(0, seed=0)
    try:
        copied = pickle.loads(pickle.dumps(data))  # noqa: S301  (its own pickle)
    except Exception as error:
        raise AssertionError(f"it cannot be pickled: {type(error).__name__}: {error}") from error
    require(len(copied) == len(data), f"pickled, it has {len(copied)} images, not {len(data)}")
    for index in _places(data):
        _equal(copied.sample(index, seed=3), data.sample(index, seed=3), f"image {index} in a worker")


def index_errors(subject: Subject) -> None:
    """An index beyond its length is an IndexError or an error of attnforge's, for every method."""
    data = subject.build()
    for index in (len(data), len(data) + 1000):
        calls: dict[str, Callable[[], Any]] = {
            "sample": lambda index=index: data.sample(index, seed=0),  # type: ignore[misc]
            "captions": lambda index=index: data.captions(index),  # type: ignore[misc]
            "class_id": lambda index=index: data.class_id(index),  # type: ignore[misc]
        }
        for name, action in calls.items():
            _refused(action, f"`{name}` of image {index} of {len(data)}")


def _refused(action: Callable[[], Any], what: str) -> None:
    try:
        found = action()
    except (IndexError, AttnforgeError):
        return
    except Exception as error:
        raise AssertionError(f"{what} raises {type(error).__name__}: {error}") from error
    raise AssertionError(f"{what} is {str(found)[:60]!r}")


@contextmanager
def _luck(seed: int) -> Iterator[None]:
    """All global generators at a seed; afterwards they are as they were."""
    python, arrays = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)


def _places(data: Any) -> list[int]:
    """The first images and the last one."""
    count = len(data)
    return sorted({*range(min(count, MOST)), count - 1})


def _equal(found: Sample, wanted: Sample, what: str) -> None:
    require(torch.equal(found.image, wanted.image), f"{what} shows something else")
    for name in ("caption", "class_id", "key"):
        ours, theirs = getattr(found, name), getattr(wanted, name)
        require(ours == theirs, f"{what} has the {name} {ours!r}, not {theirs!r}")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    both_splits,
    images,
    captions,
    classes,
    keys,
    same_seed_same_sample,
    samples_are_their_own,
    pickling,
    index_errors,
)
