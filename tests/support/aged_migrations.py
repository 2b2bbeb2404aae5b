"""What leads from version 1 of the aged parts to version 3."""

from __future__ import annotations

from typing import Any

from attnforge.plugin import Migration


def to_scale(options: dict[str, Any]) -> dict[str, Any]:
    """Version 2 knows a scale in place of a temperature."""
    temperature = options.pop("temperature", 1.0)
    return {"scale": 1 / temperature, **options}


def to_layer(state: dict[str, Any]) -> dict[str, Any]:
    """Version 3 keeps the weights in a linear layer."""
    return {"words.weight": state.pop("project").T.contiguous(), **state}


ATTENTION = (
    Migration(to=3, options=lambda options: {**options, "rounds": 1}, state=to_layer),
    Migration(to=2, options=to_scale),
)
TOKENIZER = [Migration(to=2, state=lambda state: state["old"])]
RAISES = [Migration(to=2, options=lambda options: options["missing"])]
NO_DICT = [Migration(to=2, options=lambda options: "heads")]  # type: ignore[arg-type, return-value]
NO_DATA = [Migration(to=2, options=lambda options: {"heads": object()})]
RENAMES = [Migration(to=2, options=lambda options: {f"new_{name}": options[name] for name in options})]
NOT_MIGRATIONS = ["to 2"]
HOLDER = [
    Migration(to=2, state=lambda state: {name.replace("attention", "attend"): state[name] for name in state})
]
