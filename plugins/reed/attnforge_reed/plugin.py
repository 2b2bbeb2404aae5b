"""Declares this plugin's components: characters, embeddings from a file, and the joint embedding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attnforge.plugin import Component, hookimpl

if TYPE_CHECKING:
    from attnforge.errors import Problem
    from attnforge.plugin import CheckedRecipe

_COMPONENTS = (
    ("tokenizer", "character", "characters:CharacterTokenizer", "single characters, for char-cnn-rnn"),
    ("tokenizer", "caption", "captions:CaptionTokenizer", "whole captions of a file, for precomputed"),
    (
        "text-encoder",
        "char-cnn-rnn",
        "text:CharCnnRnn",
        "convolutions over characters, then an RNN; of GAN-INT-CLS and StackGAN",
    ),
    ("text-encoder", "precomputed", "precomputed:PrecomputedText", "embeddings of captions, from a file"),
    (
        "task",
        "joint-embedding",
        "joint_embedding:JointEmbeddingTask",
        "trains both encoders to rank a class above others",
    ),
)


@hookimpl
def attnforge_components() -> list[Component]:
    """The text encoder of Reed et al. (2016) and its training."""
    return [
        Component(kind, name, f"attnforge_reed.{target}", summary)
        for kind, name, target, summary in _COMPONENTS
    ]


@hookimpl
def attnforge_check_recipe(recipe: CheckedRecipe) -> Iterable[Problem]:
    """Refuse to truncate captions to few characters, and embeddings of another file than the captions."""
    from attnforge_reed.limits import too_few_characters
    from attnforge_reed.pairing import other_embeddings

    return [*too_few_characters(recipe), *other_embeddings(recipe)]
