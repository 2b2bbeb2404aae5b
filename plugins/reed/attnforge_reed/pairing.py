"""Checks that tokenizer `caption` and text encoder `precomputed` read the same file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attnforge.errors import Problem

if TYPE_CHECKING:
    from attnforge.plugin import CheckedRecipe


def other_embeddings(recipe: CheckedRecipe) -> Iterator[Problem]:
    """A problem where one of the two is used without the other, or with another file."""
    data = recipe.data()
    captions = _file(data["tokenizer"], "caption")
    embeddings = _file(data["text"], "precomputed")
    if captions == embeddings:
        return
    if embeddings is None:
        message = "tokenizer `caption` is made for the text encoder `precomputed`, and the recipe has another"
        place, expected = "text", f"text={{use: precomputed, file: {captions}}}"
    elif captions is None:
        message = "text encoder `precomputed` needs the tokenizer `caption`, and the recipe has another"
        place, expected = "tokenizer", f"tokenizer={{use: caption, file: {embeddings}}}"
    else:
        message = f"tokenizer and text encoder read different files, {captions} and {embeddings}"
        place, expected = "tokenizer.file", f"tokenizer.file={embeddings}"
    yield Problem("embeddings-differ", message, recipe.place(place), expected=expected)


def _file(part: Any, name: str) -> str | None:
    """The file of a part if it is the component of that name."""
    if not isinstance(part, Mapping) or part["use"] != name:
        return None
    return str(part["file"])
