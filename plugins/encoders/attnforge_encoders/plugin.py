"""Declares this plugin's components: a tokenizer and a text encoder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attnforge.plugin import Component, hookimpl

if TYPE_CHECKING:
    from attnforge.errors import Problem
    from attnforge.plugin import CheckedRecipe


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the components."""
    return [
        Component(
            kind="tokenizer",
            name="sentencepiece",
            target="attnforge_encoders.sentencepiece:SentencePieceTokenizer",
            summary="pieces of words, learned from the captions, in any language",
        ),
        Component(
            kind="text-encoder",
            name="transformer",
            target="attnforge_encoders.transformer:TransformerTextEncoder",
            summary="self-attention, with learned or sinusoidal positions",
        ),
    ]


@hookimpl
def attnforge_check_recipe(recipe: CheckedRecipe) -> Iterable[Problem]:
    """Refuse to truncate captions to too few pieces of words."""
    from attnforge_encoders.limits import too_few_pieces

    return list(too_few_pieces(recipe))
