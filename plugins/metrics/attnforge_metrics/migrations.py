"""Migrations of the metrics: renamed options."""

from __future__ import annotations

from typing import Any

from attnforge.plugin import Migration


def _weights_of_a_network(options: dict[str, Any]) -> dict[str, Any]:
    """`weights` names the file of the network, which was always an Inception-v3."""
    weights = options.pop("weights", None)
    if weights is None:
        return options
    return {"network": {"use": "inception-v3", "weights": weights, "resize": "antialiased"}, **options}


CLASS_SCORE = (Migration(to=2, options=_weights_of_a_network),)
