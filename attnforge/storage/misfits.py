"""Describes how the tensors of a file differ from those of a network, for errors."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

MAX_LISTED_NAMES = 12
"""An error lists at most this many names of a kind."""


def misfit(
    *, unexpected: Sequence[str], missing: Sequence[str], reshaped: Sequence[tuple[str, Tensor, Tensor]]
) -> str | None:
    """What does not fit, or None when everything does.

    Args:
        unexpected: Names in the file that the network does not have.
        missing: Names of the network that the file does not have.
        reshaped: Names that both have, with the file's tensor and the network's, which differ in shape.
    """
    differences = [
        ("not in the recipe's network:", unexpected),
        ("missing from the file:", missing),
        (
            "of different shapes:",
            [f"{name} ({_shape(theirs)}, in the recipe {_shape(ours)})" for name, theirs, ours in reshaped],
        ),
    ]
    return "; ".join(f"{heading} {listed(names)}" for heading, names in differences if names) or None


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - MAX_LISTED_NAMES
    return ", ".join(names[:MAX_LISTED_NAMES]) + (f" and {more} more" if more > 0 else "")


def _shape(value: Tensor) -> str:
    return " x ".join(str(side) for side in value.shape) or "a scalar"
