"""Checks that captions are not truncated to a word count where tokens are shorter than words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attnforge.errors import Problem

if TYPE_CHECKING:
    from attnforge.plugin import CheckedRecipe

MIN_TOKENS: Mapping[str, int] = {"character": 48, "sentencepiece": 20}
"""Lower bound of `max_words`, by tokenizer. One step of `char-cnn-rnn` sees 48 characters; fewer than 20
pieces are less than the default of 18 words."""
CHARACTERS = 201
"""Characters of a caption that Reed et al. (2016) read."""
PIECES = 40
"""About 18 words with half of them in two or more pieces."""


def too_few_tokens(recipe: CheckedRecipe) -> Iterator[Problem]:
    """A problem for every phase that truncates captions to too few tokens."""
    data = recipe.data()
    tokenizer = _use(data["tokenizer"])
    if tokenizer not in MIN_TOKENS:
        return
    enough = _characters(data["text"]) if tokenizer == "character" else PIECES
    sections = {f"phases.{name}": phase for name, phase in data["phases"].items()}
    sections["evaluation"] = data["evaluation"]
    for path, section in sections.items():
        limit = section.get("max_words")
        if limit is not None and limit < MIN_TOKENS[tokenizer]:
            unit = {"character": "characters", "sentencepiece": "pieces of words"}[tokenizer]
            yield Problem(
                "few-tokens",
                f"{path} keeps {limit} {unit} of each caption: `max_words` counts {unit} with tokenizer "
                f"`{tokenizer}`",
                recipe.place(f"{path}.max_words"),
                expected=f"{path}.max_words={enough}",
            )


def _characters(text: Any) -> int:
    """How many characters the text encoder reads."""
    return 39 + 9 * int(text["steps"]) if _use(text) == "char-cnn-rnn" else CHARACTERS


def _use(part: Any) -> str:
    return str(part["use"] if isinstance(part, Mapping) else part)
