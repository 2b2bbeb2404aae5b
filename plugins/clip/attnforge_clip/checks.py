"""Checks that CLIP's text encoder gets the ids of CLIP's tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attnforge.errors import Problem

if TYPE_CHECKING:
    from attnforge.plugin import CheckedRecipe


def foreign_tokenizers(recipe: CheckedRecipe) -> Iterator[Problem]:
    """A problem where the text encoder is `clip` and the tokenizer is not."""
    data = recipe.data()
    tokenizer = _use(data["tokenizer"])
    if _use(data["text"]) == "clip" and tokenizer != "clip":
        weights = data["text"]["weights"]
        yield Problem(
            "clip-tokenizer",
            f"the text encoder `clip` cannot read the ids of the tokenizer `{tokenizer}`",
            recipe.place("tokenizer"),
            expected=f"tokenizer={{use: clip, weights: {weights}}}",
        )


def _use(part: Any) -> str:
    return str(part["use"] if isinstance(part, Mapping) else part)
