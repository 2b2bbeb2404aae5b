"""Are captions cut to a number of words where tokens are less than words?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attnforge.errors import Problem

if TYPE_CHECKING:
    from attnforge.recipe.resolved import ResolvedRecipe

FEWEST: Mapping[str, int] = {"character": 48, "sentencepiece": 20}
"""Tokens that `max_words` must admit, by tokenizer. 48 characters are what one step of `char-cnn-rnn` sees;
fewer than 20 pieces are less than the 18 words of AttnGAN that `max_words` is made for."""
CHARACTERS = 201
"""What Reed et al. (2016) read of a caption."""
PIECES = 40
"""About 18 words with half of them in two or more pieces."""


def too_few_tokens(recipe: ResolvedRecipe) -> Iterator[Problem]:
    """A problem for every phase that keeps so few tokens of a caption that its meaning is lost."""
    data = recipe.data()
    tokenizer = _use(data["tokenizer"])
    if tokenizer not in FEWEST:
        return
    enough = _characters(data["text"]) if tokenizer == "character" else PIECES
    sections = {f"phases.{name}": phase for name, phase in data["phases"].items()}
    sections["evaluation"] = data["evaluation"]
    for path, section in sections.items():
        limit = section.get("max_words")
        if limit is not None and limit < FEWEST[tokenizer]:
            what = {"character": "characters", "sentencepiece": "pieces of words"}[tokenizer]
            yield Problem(
                "few-tokens",
                f"{path} keeps {limit} {what} of each caption: with tokenizer `{tokenizer}` that is what "
                "`max_words` counts",
                recipe.place(f"{path}.max_words"),
                expected=f"{path}.max_words={enough}",
            )


def _characters(text: Any) -> int:
    """How many characters the text encoder reads."""
    return 39 + 9 * int(text["steps"]) if _use(text) == "char-cnn-rnn" else CHARACTERS


def _use(part: Any) -> str:
    return str(part["use"] if isinstance(part, Mapping) else part)
