"""Declares this plugin's components and its check of recipes; imports neither torch nor tokenizers."""

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
    """Two pretrained vocabularies, and the text encoders that read them."""
    parts = (
        ("tokenizer", "wordllama", "tokenizer:WordLlamaTokenizer", "pieces with vectors of wordllama"),
        ("tokenizer", "minilm", "tokenizer:MiniLmTokenizer", "pieces that MiniLM reads"),
        ("text-encoder", "wordllama", "text:WordVectorEncoder", "pretrained word vectors and their mean"),
        (
            "text-encoder",
            "wordllama-bilstm",
            "text:WordVectorBiLSTM",
            "AttnGAN's bidirectional LSTM on pretrained word vectors",
        ),
        ("text-encoder", "minilm", "minilm:MiniLmTextEncoder", "the sentence encoder all-MiniLM-L6-v2"),
    )
    return [
        Component(kind, name, f"attnforge_wordvectors.{target}", summary)
        for kind, name, target, summary in parts
    ]


@hookimpl
def attnforge_recipes() -> list[Path]:
    """The quickstart for a folder of images, with features of ImageNet and word vectors."""
    return [Path(__file__).parent / "recipes"]


@hookimpl
def attnforge_check_recipe(recipe: CheckedRecipe) -> Iterable[Problem]:
    """Refuse pretrained vectors with another tokenizer."""
    from attnforge_wordvectors.checks import foreign_tokenizers

    return list(foreign_tokenizers(recipe))
