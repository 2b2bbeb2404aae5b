"""What makes a scorer of a network that writes captions."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.errors import AttnforgeError, Problem
from attnforge.interfaces import Prompt


@runtime_checkable
class Captioner(Protocol):
    """A network that writes captions for images, one token after another."""

    def __call__(
        self, images: Float[Tensor, "b 3 h w"], tokens: Int[Tensor, "b l"], /
    ) -> Float[Tensor, "b l"]:
        """The log probability of each token, given the image and the tokens before it.

        Values at padding, where a token is 0, are ignored.
        """
        ...


class CaptionScorer:
    """The log probability of the whole caption, by which PPGN generates images of captions.

    A plugin's scorer extends this class, and builds its captioner in a constructor with the spec:
    `super().__init__(captioner)`.
    """

    needs_captions: ClassVar[bool] = True

    def __init__(self, captioner: Captioner) -> None:
        self.captioner = captioner

    def __call__(self, images: Float[Tensor, "b 3 h w"], prompt: Prompt, /) -> Float[Tensor, "b"]:
        """The sum of the log probabilities of a caption's words, with gradients to the images.

        Raises:
            AttnforgeError: The prompt has no tokens.
        """
        if prompt.tokens is None:
            message = "a captioner reads the tokens of captions, and the prompt has none"
            raise AttnforgeError(Problem("prompt-without-tokens", message, expected="`Prompt.tokens`"))
        of_words = self.captioner(images, prompt.tokens)
        return torch.where(prompt.padding, torch.zeros_like(of_words), of_words).sum(dim=1)
