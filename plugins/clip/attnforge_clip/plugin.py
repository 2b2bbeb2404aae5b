"""Declares this plugin's components and its check of recipes; imports neither torch nor transformers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from attnforge.plugin import Component, hookimpl

if TYPE_CHECKING:
    from attnforge.errors import Problem
    from attnforge.plugin import CheckedRecipe


@hookimpl
def attnforge_components() -> list[Component]:
    """CLIP in four parts, of which only the text encoder needs another, the tokenizer; and two metrics."""
    parts = (
        ("tokenizer", "tokenizer:ClipTokenizer", "CLIP's subword pieces"),
        ("text-encoder", "text:ClipTextEncoder", "CLIP's transformer, frozen or fine-tuned"),
        ("image-encoder", "image:ClipImageEncoder", "CLIP's vision transformer, frozen or fine-tuned"),
        ("feature-network", "features:ClipFeatures", "CLIP's image embeddings, for metrics"),
    )
    components = [
        Component(kind, "clip", f"attnforge_clip.{target}", summary) for kind, target, summary in parts
    ]
    metrics = (
        ("clip-score", "metrics:ClipScore", "how well images fit their captions by CLIP"),
        ("clip-r-precision", "metrics:ClipPrecision", "how often an image finds its own caption by CLIP"),
    )
    return components + [
        Component("metric", name, f"attnforge_clip.{target}", summary) for name, target, summary in metrics
    ]


@hookimpl
def attnforge_recipes() -> list[Path]:
    """The quickstart with CLIP in place of encoders of its own."""
    return [Path(__file__).parent / "recipes"]


@hookimpl
def attnforge_check_recipe(recipe: CheckedRecipe) -> Iterable[Problem]:
    """Refuse CLIP's text encoder with another tokenizer."""
    from attnforge_clip.checks import foreign_tokenizers

    return list(foreign_tokenizers(recipe))
