"""Checks that pretrained vectors get the ids of their own tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attnforge.errors import Problem

if TYPE_CHECKING:
    from attnforge.plugin import CheckedRecipe

TOKENIZERS = {"wordllama": "wordllama", "wordllama-bilstm": "wordllama", "minilm": "minilm"}
"""The tokenizer of each text encoder of this package."""


def foreign_tokenizers(recipe: CheckedRecipe) -> Iterator[Problem]:
    """A problem where a text encoder of this package has another tokenizer than its own."""
    data = recipe.data()
    encoder, tokenizer = _use(data["text"]), _use(data["tokenizer"])
    own = TOKENIZERS.get(encoder, tokenizer)
    if tokenizer != own:
        yield Problem(
            "vectors-tokenizer",
            f"the text encoder `{encoder}` cannot read the ids of the tokenizer `{tokenizer}`",
            recipe.place("tokenizer"),
            expected=f"tokenizer={own}",
        )


def _use(part: Any) -> str:
    return str(part["use"] if isinstance(part, Mapping) else part)
