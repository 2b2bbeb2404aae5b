"""How an error says that the tensors of a file are not those of a network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

LISTED = 12
"""An error lists at most this many names of a kind."""


def misfit(
    *, unwanted: Sequence[str], missing: Sequence[str], reshaped: Sequence[tuple[str, Tensor, Tensor]]
) -> str | None:
    """What does not fit, or None when everything does.

    Args:
        unwanted: Names in the file that the network has not.
        missing: Names of the network that the file has not.
        reshaped: Names that both have, with the file's tensor and the network's, which differ in shape.
    """
    faults = [
        ("the recipe's network has no", unwanted),
        ("the file lacks", missing),
        (
            "of other shapes are",
            [f"{name} ({_shape(theirs)}, in the recipe {_shape(ours)})" for name, theirs, ours in reshaped],
        ),
    ]
    return "; ".join(f"{said} {listed(found)}" for said, found in faults if found) or None


def listed(names: Sequence[str]) -> str:
    """The names as an error says them: the first ones, and how many more there are."""
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")


def _shape(value: Tensor) -> str:
    return " x ".join(str(side) for side in value.shape) or "a number"
