"""Extras of prompts, such as a box: inputs of generators besides captions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.data.places import EXPECTED, NOT_GIVEN, wrong_place
from attnforge.errors import AttnforgeError, DataError, Problem
from attnforge.interfaces import Dataset, Sample
from attnforge.optional import HasExtras

Shapes = Mapping[str, tuple[int, ...]]
"""The shape of each extra without the batch, by name."""


def stacked_extras(samples: Sequence[Sample]) -> dict[str, Float[Tensor, "b *shape"]]:
    """The extras of samples by name, as a batch.

    Raises:
        DataError: samples have different extras, or one of different shapes.
    """
    first = samples[0]
    shapes = {name: tuple(value.shape) for name, value in first.extras.items()}
    for sample in samples[1:]:
        others = {name: tuple(value.shape) for name, value in sample.extras.items()}
        if others == shapes:
            continue
        message = f"image {sample.key} has the extras {_listed(others)}, image {first.key} {_listed(shapes)}"
        raise DataError(
            Problem("extras-differ", message, expected="the same extras of the same shapes for every image")
        )
    return {name: torch.stack([sample.extras[name].float() for sample in samples]) for name in shapes}


def extras_of(data: Dataset, indices: Sequence[int]) -> dict[str, Float[Tensor, "b *shape"]]:
    """The extras of some images of a data set by name, as a batch; an empty dict where it has none."""
    if not isinstance(data, HasExtras) or not data.extras or not indices:
        return {}
    return stacked_extras([data.sample(index, seed=0) for index in indices])


def read_extras(
    shapes: Shapes,
    values: Mapping[str, Any],
    *,
    captions: int,
    how: str,
    completed: Collection[str] = (),
) -> dict[str, Float[Tensor, "b *shape"]]:
    """The extras that somebody gives for captions, checked: one value for all of them, or one for each.

    Args:
        shapes: What is needed.
        values: Numbers by name, nested in lists or not, or tensors.
        captions: The number of captions.
        how: A command that gives the extra NAME, for messages.
        completed: Those that the generator completes: they may be missing, and rows of -1 are not given.

    Raises:
        AttnforgeError: one is missing, unknown, not in the image, or has too many or too few numbers.
    """
    tensors: dict[str, Tensor] = {
        name: torch.full((captions, *shapes[name]), NOT_GIVEN) for name in completed if name in shapes
    }
    problems = [
        _missing(name, shape, how)
        for name, shape in shapes.items()
        if name not in values and name not in tensors
    ]
    for name, value in values.items():
        if name not in shapes:
            message = f"the model takes no `{name}`"
            expected = f"{_listed(shapes)}" if shapes else "captions alone"
            problems.append(Problem("unknown-extra", message, expected=expected))
            continue
        try:
            tensor = torch.as_tensor(value, dtype=torch.float32, device="cpu")
        except (TypeError, ValueError, RuntimeError, OverflowError):
            tensor = torch.full((), float("nan"))
        shape, numbers = shapes[name], _numel(shapes[name])
        if not bool(torch.isfinite(tensor).all()):
            problems.append(_wrong(name, "is not a list of finite numbers", shape, how))
        elif tensor.numel() == numbers:
            tensors[name] = tensor.reshape(1, *shape).expand(captions, *shape)
        elif tensor.numel() == captions * numbers:
            tensors[name] = tensor.reshape(captions, *shape)
        else:
            problems.append(_wrong(name, f"has {tensor.numel()} numbers", shape, how))
            continue
        if name in tensors and (wrong := wrong_place(name, _given(tensors[name], name in completed))):
            step = how.replace("NAME", name)
            problems.append(Problem("bad-place", f"`{name}` {wrong}", None, EXPECTED[name], step))
    if problems:
        raise AttnforgeError(problems)
    return {name: tensors[name] for name in shapes}


def refuse_wrong_places(extras: Mapping[str, Float[Tensor, "b *shape"]]) -> None:
    """Refuse extras of a data set that are not places in images, such as boxes in pixels.

    Raises:
        DataError: a box lies outside its image, or a point has another visibility than 0 and 1.
    """
    problems = [
        Problem("bad-place", f"`{name}` of the data set {wrong}", expected=EXPECTED[name])
        for name, values in extras.items()
        if (wrong := wrong_place(name, values))
    ]
    if problems:
        raise DataError(problems)


def _given(values: Float[Tensor, "b *shape"], completed: bool) -> Float[Tensor, "_ *_"]:
    """The values without rows that the generator is to complete."""
    if not completed or values.dim() < 2:
        return values
    absent = (values == NOT_GIVEN).all(dim=-1, keepdim=True)
    return values.where(~absent, 0.0)


def _missing(name: str, shape: tuple[int, ...], how: str) -> Problem:
    message = f"the model needs `{name}` for every image besides its caption"
    return Problem("missing-extra", message, None, f"{_count(shape)} for `{name}`", how.replace("NAME", name))


def _wrong(name: str, what: str, shape: tuple[int, ...], how: str) -> Problem:
    step = how.replace("NAME", name)
    expected = f"{_count(shape)}, or as many for each caption"
    return Problem("bad-extra", f"`{name}` {what}", None, expected, step)


def _count(shape: tuple[int, ...]) -> str:
    numbers = _numel(shape)
    text = f"{numbers} number{'s' if numbers != 1 else ''}"
    return f"{text} ({' x '.join(map(str, shape))})" if len(shape) > 1 else text


def _numel(shape: tuple[int, ...]) -> int:
    return int(torch.Size(shape).numel())


def _listed(shapes: Shapes) -> str:
    return ", ".join(f"`{name}` {' x '.join(map(str, shape))}" for name, shape in shapes.items()) or "none"
