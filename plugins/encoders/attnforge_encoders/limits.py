"""Checks that captions are not truncated to a word count where tokens are shorter than words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attnforge.errors import Problem

if TYPE_CHECKING:
    from attnforge.plugin import CheckedRecipe

MIN_PIECES = 20
"""Lower bound of `max_words`; fewer pieces are less than the default of 18 words."""
PIECES = 40
"""About 18 words with half of them in two or more pieces."""


def too_few_pieces(recipe: CheckedRecipe) -> Iterator[Problem]:
    """A problem for every phase that truncates captions to too few pieces of words."""
    data = recipe.data()
    if _use(data["tokenizer"]) != "sentencepiece":
        return
    sections = {f"phases.{name}": phase for name, phase in data["phases"].items()}
    sections["evaluation"] = data["evaluation"]
    for path, section in sections.items():
        limit = section.get("max_words")
        if limit is not None and limit < MIN_PIECES:
            yield Problem(
                "few-tokens",
                f"{path} keeps {limit} pieces of words of each caption: `max_words` counts pieces of words "
                "with tokenizer `sentencepiece`",
                recipe.place(f"{path}.max_words"),
                expected=f"{path}.max_words={PIECES}",
            )


def _use(part: Any) -> str:
    return str(part["use"] if isinstance(part, Mapping) else part)
