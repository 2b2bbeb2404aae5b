"""What this plugin declares, and its check of recipes; imports neither torch nor transformers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from attnforge.plugin import Component, hookimpl

if TYPE_CHECKING:
    from attnforge.errors import Problem
    from attnforge.recipe.resolved import ResolvedRecipe


@hookimpl
def attnforge_components() -> list[Component]:
    """CLIP in three parts, each usable without the others but the text encoder."""
    parts = (
        ("tokenizer", "tokenizer:ClipTokenizer", "pieces of words, as CLIP learned them"),
        ("text-encoder", "text:ClipTextEncoder", "CLIP's transformer, frozen or trained on"),
        ("image-encoder", "image:ClipImageEncoder", "CLIP's vision transformer, frozen or trained on"),
    )
    return [Component(kind, "clip", f"attnforge_clip.{target}", summary) for kind, target, summary in parts]


@hookimpl
def attnforge_recipes() -> list[Path]:
    """The quickstart with CLIP in place of encoders of its own."""
    return [Path(__file__).parent / "recipes"]


@hookimpl
def attnforge_check_recipe(recipe: ResolvedRecipe) -> Iterable[Problem]:
    """Refuse a text encoder that would be given the ids of another tokenizer."""
    from attnforge_clip.checks import foreign_tokenizers

    return list(foreign_tokenizers(recipe))
