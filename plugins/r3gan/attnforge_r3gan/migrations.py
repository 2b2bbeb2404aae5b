"""Migrations of R3GAN's parts: a weight that follows a schedule was annealed by an option of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attnforge.plugin import Migration


def _scheduled(options: dict[str, Any]) -> Mapping[str, Any]:
    """Version 1 had `anneal`, a factor of `weight` that followed a cosine."""
    changed = dict(options)
    anneal = changed.pop("anneal", None)
    if anneal is None:
        return changed
    weight, until = changed.get("weight", 1.0), anneal.get("until", 1.0)

    def of(start: float) -> dict[str, Any]:
        over = {} if until == 1 else {"over": until}
        return {"schedule": "cosine", "from": start, "to": start * anneal.get("to", 0.1), **over}

    return {**changed, "weight": [of(each) for each in weight] if isinstance(weight, list) else of(weight)}


ZERO_CENTRED = (Migration(to=2, options=_scheduled),)
