"""Declares this plugin's components: two tokenizers and two text encoders."""

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
            kind="tokenizer",
            name="character",
            target="attnforge_encoders.character:CharacterTokenizer",
            summary="single characters, for char-cnn-rnn",
        ),
        Component(
            kind="text-encoder",
            name="transformer",
            target="attnforge_encoders.transformer:TransformerTextEncoder",
            summary="self-attention, with learned or sinusoidal positions",
        ),
        Component(
            kind="text-encoder",
            name="char-cnn-rnn",
            target="attnforge_encoders.char_cnn_rnn:CharCnnRnn",
            summary="convolutions over characters, then a GRU; of GAN-INT-CLS and StackGAN",
        ),
    ]


@hookimpl
def attnforge_check_recipe(recipe: CheckedRecipe) -> Iterable[Problem]:
    """Refuse to truncate captions to too few characters or pieces."""
    from attnforge_encoders.limits import too_few_tokens

    return list(too_few_tokens(recipe))
