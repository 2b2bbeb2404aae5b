"""The plugin's declarations. attnforge imports this module in every command, so it must not import torch."""

from __future__ import annotations

from pathlib import Path

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """The component; its module is imported only when a recipe uses it."""
    return [
        Component(
            kind="attention",
            name="gated",
            target="attnforge_gated_attention.attention:GatedAttention",
            summary="word attention with a gated context",
        ),
    ]


@hookimpl
def attnforge_recipes() -> list[Path]:
    """The folder of recipes; each file is a recipe with the file's name."""
    return [Path(__file__).parent / "recipes"]
