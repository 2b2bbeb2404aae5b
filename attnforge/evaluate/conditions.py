"""What must agree for values of two systems to be comparable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attnforge.evaluate.cache import digest_of
from attnforge.evaluate.protocols import Protocol

PATHS = frozenset({"weights", "encoders", "reference"})
"""Options of metrics that are paths; digests of what is there are in the names of values."""


def conditions_of(
    evaluation: Mapping[str, Any],
    *,
    count: int,
    size: tuple[int, int],
    details: Mapping[str, Any],
) -> dict[str, Any]:
    """The conditions of an evaluation, as plain data.

    Args:
        evaluation: Its section `evaluation` with every default.
        count: Number of images.
        size: Width and height of the images.
        details: Digests of captions, networks and real images.
    """
    return {
        **details,
        "images": count,
        "image size": f"{size[0]} x {size[1]}",
        "metrics": _without_paths(evaluation["metrics"]),
    }


def captions_digest(captions: Sequence[str]) -> str:
    """A digest of captions in any order."""
    return digest_of(sorted(captions))[:16]


def expected_images(protocol: Protocol, conditions: Mapping[str, Any]) -> list[str]:
    """In what the images are not those of the protocol, in words."""
    texts = []
    expected = protocol.evaluation.captions * protocol.evaluation.per_caption
    count = conditions["images"]
    if count != expected:
        bias = ": distances of fewer images are too high" if count < expected else ""
        texts.append(f"the protocol's number of images is {expected:,}, not {count:,}{bias}")
    size = protocol.image_size
    if size is not None and conditions["image size"] != f"{size} x {size}":
        texts.append(f"images of {conditions['image size']} pixels instead of the protocol's {size} x {size}")
    return texts


def _without_paths(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_paths(item) for key, item in value.items() if key not in PATHS}
    if isinstance(value, list | tuple):
        return [_without_paths(item) for item in value]
    return value
