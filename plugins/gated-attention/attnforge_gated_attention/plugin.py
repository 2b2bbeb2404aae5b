"""What this plugin declares. attnforge reads it for every command, so it imports no torch."""

from __future__ import annotations

from pathlib import Path

from attnforge.plugin import Component, hookimpl


@hookimpl
def attnforge_components() -> list[Component]:
    """One component; its module is imported when a recipe names it and not before."""
    return [
        Component(
            kind="attention",
            name="gated",
            target="attnforge_gated_attention.attention:GatedAttention",
            summary="word attention whose findings pass a gate",
        ),
    ]


@hookimpl
def attnforge_recipes() -> list[Path]:
    """The folder whose files become recipes that have a name."""
    return [Path(__file__).parent / "recipes"]
