"""Shipped recipes at full size on the device meta, each built once for all tests of a process."""

from __future__ import annotations

from functools import cache

import torch

from attnforge.build import assemble
from attnforge.build.parts import Parts
from attnforge.recipe import resolve


@cache
def built(name: str, words: int = 6) -> Parts:
    """A recipe with a vocabulary of so many words beside padding."""
    recipe = assemble(resolve(name))
    tokenizer = recipe.tokenizer()
    tokenizer.fit([" ".join(f"word{number}" for number in range(words))])
    return Parts(recipe, tokenizer=tokenizer, device=torch.device("meta"))
