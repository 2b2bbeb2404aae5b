"""Captions to text features: what draws and what judges a picture see the same words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from attnforge.data.collate import pad
from attnforge.errors import AttnforgeError, Problem
from attnforge.interfaces import TextEncoder, TextFeatures, Tokenizer


@dataclass(frozen=True, slots=True)
class CaptionEncoder:
    """A text encoder with its tokenizer, for those who only want to know what captions mean."""

    text: TextEncoder
    tokenizer: Tokenizer
    device: torch.device

    @torch.no_grad()
    def __call__(self, captions: Sequence[str]) -> TextFeatures:
        """Encode captions of any lengths in one batch, in evaluation mode and without gradients.

        Raises:
            AttnforgeError: a caption has no word that the vocabulary knows.
        """
        if isinstance(self.text, nn.Module):
            self.text.eval()
        return encode_captions(self.text, self.tokenizer, captions, device=self.device)


def encode_captions(
    text: TextEncoder, tokenizer: Tokenizer, captions: Sequence[str], *, device: torch.device
) -> TextFeatures:
    """Encode captions of any lengths in one batch.

    Raises:
        AttnforgeError: a caption has no word that the vocabulary knows.
    """
    refuse_unknown(tokenizer, captions)
    tokens, lengths = pad([tokenizer.encode(caption) for caption in captions])
    return text(tokens.to(device), lengths.to(device))


def refuse_unknown(tokenizer: Tokenizer, captions: Sequence[str]) -> None:
    """Refuse captions without a word that the vocabulary knows.

    Raises:
        AttnforgeError: there are some; all of them are named.
    """
    problems = [_unknown(tokenizer, caption) for caption in captions if not tokenizer.encode(caption)]
    if problems:
        raise AttnforgeError(problems)


def _unknown(tokenizer: Tokenizer, caption: str) -> Problem:
    unknown = tokenizer.unknown(caption)
    return Problem(
        code="caption-unknown",
        message=f"no word of the caption {caption!r} is in the vocabulary"
        + (f": {', '.join(unknown)}" if unknown else ""),
        expected="a caption with words that the run was trained on",
    )
