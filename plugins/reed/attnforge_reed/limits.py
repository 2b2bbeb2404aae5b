"""Checks that captions are not truncated to a word count where tokens are characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attnforge.errors import Problem

if TYPE_CHECKING:
    from attnforge.plugin import CheckedRecipe

MIN_CHARACTERS = 48
"""Lower bound of `max_words`: one step of `char-cnn-rnn` sees so many characters."""
CHARACTERS = 201
"""Characters of a caption that Reed et al. (2016) read."""


def too_few_characters(recipe: CheckedRecipe) -> Iterator[Problem]:
    """A problem for every phase that truncates captions to too few characters."""
    data = recipe.data()
    if _use(data["tokenizer"]) != "character":
        return
    text = data["text"]
    enough = int(text["characters"]) if _use(text) == "char-cnn-rnn" else CHARACTERS
    sections = {f"phases.{name}": phase for name, phase in data["phases"].items()}
    sections["evaluation"] = data["evaluation"]
    for path, section in sections.items():
        limit = section.get("max_words")
        if limit is not None and limit < MIN_CHARACTERS:
            yield Problem(
                "few-tokens",
                f"{path} keeps {limit} characters of each caption: `max_words` counts characters with "
                "tokenizer `character`",
                recipe.place(f"{path}.max_words"),
                expected=f"{path}.max_words={enough}",
            )


def _use(part: Any) -> str:
    return str(part["use"] if isinstance(part, Mapping) else part)
