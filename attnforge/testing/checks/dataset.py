"""What a data set promises: the same sample for the same seed, in every process that loads it."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from attnforge.data.places import wrong_place
from attnforge.errors import AttnforgeError
from attnforge.interfaces import Sample
from attnforge.optional import DeclaresExtras, HasExtras
from attnforge.testing.expect import assert_finite, require
from attnforge.testing.subject import Subject

MAX_IMAGES = 6
"""How many images of a large data set are checked, besides the last one."""


def train_and_test_splits(subject: Subject) -> None:
    """The train and test splits are not empty and share no image."""
    keys = {}
    for split in ("train", "test"):
        data = subject.build(spec=replace(subject.spec(), split=split))
        require(len(data) >= 1, f"split '{split}' is empty")
        keys[split] = {data.sample(index, seed=0).key for index in _indices(data)}
    shared = keys["train"] & keys["test"]
    require(not shared, f"these keys are in both splits: {sorted(shared)[:3]}")


def image_format(subject: Subject) -> None:
    """An image is uint8, 3 h w, with the spec's `image_size` for h and w."""
    data, size = subject.build(), subject.spec().image_size
    for index in _indices(data):
        image = data.sample(index, seed=index).image
        shape = list(image.shape)
        require(image.dtype == torch.uint8, f"image {index} is {image.dtype}, not torch.uint8")
        require(shape == [3, size, size], f"image {index} has shape {shape}, expected {[3, size, size]}")


def extras(subject: Subject) -> None:
    """A sample has the declared extras and no others, of the declared shapes and with finite floats.

    Those named `box` and `keypoints` are places in the image. A class that declares the shapes without data
    declares the same.
    """
    for split in ("train", "test"):
        data = subject.build(spec=replace(subject.spec(), split=split))
        declared = dict(data.extras) if isinstance(data, HasExtras) else {}
        if isinstance(subject.target, DeclaresExtras):
            promised = dict(subject.target.declared_extras(subject.options))
            names = f"`declared_extras` gives {promised}, and the data set has {declared}"
            require(promised == declared, names)
        for index in _indices(data):
            values = data.sample(index, seed=index).extras
            what = f"image {index} of split '{split}'"
            names = f"{what} has the extras {_names(values)}, and {_names(declared)} are declared"
            require(values.keys() == declared.keys(), names)
            for name, value in values.items():
                _require_extra(value, tuple(declared[name]), f"`{name}` of {what}")
                wrong = wrong_place(name, value[None].float())
                require(wrong is None, f"`{name}` of {what} {wrong}")


def captions(subject: Subject) -> None:
    """Every image has captions, none of them blank, and every sample has one of them."""
    data = subject.build()
    for index in _indices(data):
        texts = list(data.captions(index))
        require(texts, f"image {index} has no caption")
        for text in texts:
            require(isinstance(text, str) and text.strip(), f"image {index} has the caption {text!r}")
        for seed in range(3):
            caption = data.sample(index, seed=seed).caption
            require(caption in texts, f"the sample's caption {caption!r} is not a caption of image {index}")


def class_ids(subject: Subject) -> None:
    """The class of an image is a non-negative integer, and its samples have the same class."""
    data = subject.build()
    for index in _indices(data):
        class_id = data.class_id(index)
        valid = isinstance(class_id, int) and not isinstance(class_id, bool) and class_id >= 0
        require(valid, f"the class of image {index} is {class_id!r}, not a non-negative integer")
        sampled = data.sample(index, seed=0).class_id
        require(
            sampled == class_id, f"image {index} has class {class_id}, but its sample has class {sampled}"
        )


def unique_keys(subject: Subject) -> None:
    """Every image has its own key, which does not depend on the seed."""
    data = subject.build()
    keys = [data.sample(index, seed=0).key for index in _indices(data)]
    require(len(set(keys)) == len(keys), f"keys are not unique: {keys}")
    for index, key in zip(_indices(data), keys, strict=True):
        other = data.sample(index, seed=1).key
        require(other == key, f"with another seed the key of image {index} is {other!r}, not {key!r}")


def samples_are_deterministic(subject: Subject) -> None:
    """The same index and seed give the same sample, whatever the global random state and earlier samples."""
    data = subject.build()
    for index in _indices(data):
        with _global_seed(100 + index):
            first = data.sample(index, seed=5)
        with _global_seed(200 + index):
            data.sample((index + 1) % len(data), seed=9)
            _require_equal(data.sample(index, seed=5), first, f"image {index} sampled again")


def samples_share_no_memory(subject: Subject) -> None:
    """Writing to a sample's image does not change later samples."""
    data = subject.build()
    first = data.sample(0, seed=5)
    original = first.image.clone()
    first.image.bitwise_not_()
    unchanged = torch.equal(data.sample(0, seed=5).image, original)
    require(unchanged, "writing to a sample's image changes later samples")


def pickling(subject: Subject) -> None:
    """It can be sent to a worker process: unpickled, it gives the same samples."""
    data = subject.build()
    data.sample(0, seed=0)
    try:
        unpickled = pickle.loads(pickle.dumps(data))  # noqa: S301  (its own pickle)
    except Exception as error:
        raise AssertionError(f"the data set cannot be pickled: {type(error).__name__}: {error}") from error
    require(len(unpickled) == len(data), f"unpickled, it has {len(unpickled)} images, not {len(data)}")
    for index in _indices(data):
        _require_equal(
            unpickled.sample(index, seed=3), data.sample(index, seed=3), f"image {index} after unpickling"
        )


def index_errors(subject: Subject) -> None:
    """Every method raises an IndexError or an AttnforgeError for an index out of range."""
    data = subject.build()
    for index in (len(data), len(data) + 1000):
        calls: dict[str, Callable[[], Any]] = {
            "sample": lambda index=index: data.sample(index, seed=0),  # type: ignore[misc]
            "captions": lambda index=index: data.captions(index),  # type: ignore[misc]
            "class_id": lambda index=index: data.class_id(index),  # type: ignore[misc]
        }
        for name, action in calls.items():
            _require_index_error(action, f"`{name}` of image {index} of {len(data)}")


def _require_extra(value: Any, shape: tuple[int, ...], what: str) -> None:
    require(isinstance(value, torch.Tensor), f"{what} is a {type(value).__name__}, not a tensor")
    require(tuple(value.shape) == shape, f"{what} has shape {tuple(value.shape)}, and {shape} is declared")
    require(value.is_floating_point(), f"{what} is {value.dtype}, not a floating type")
    assert_finite(value, what)


def _names(values: Mapping[str, object]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(values)) or "none"


def _require_index_error(action: Callable[[], Any], what: str) -> None:
    try:
        result = action()
    except (IndexError, AttnforgeError):
        return
    except Exception as error:
        raise AssertionError(f"{what} raises {type(error).__name__}: {error}") from error
    raise AssertionError(f"{what} returns {str(result)[:60]!r} instead of raising IndexError")


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Seed all global random generators, and restore their states afterwards."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


def _indices(data: Any) -> list[int]:
    """Indices of the first images and of the last one."""
    count = len(data)
    return sorted({*range(min(count, MAX_IMAGES)), count - 1})


def _require_equal(actual: Sample, expected: Sample, what: str) -> None:
    require(torch.equal(actual.image, expected.image), f"{what} has different pixels")
    require(actual.extras.keys() == expected.extras.keys(), f"{what} has different extras")
    for name, extra in expected.extras.items():
        require(torch.equal(actual.extras[name], extra), f"{what} has a different `{name}`")
    for name in ("caption", "class_id", "key"):
        value, original = getattr(actual, name), getattr(expected, name)
        require(value == original, f"{what} has the {name} {value!r}, not {original!r}")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    train_and_test_splits,
    image_format,
    extras,
    captions,
    class_ids,
    unique_keys,
    samples_are_deterministic,
    samples_share_no_memory,
    pickling,
    index_errors,
)
