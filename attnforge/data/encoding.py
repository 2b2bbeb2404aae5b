"""Encodes captions to text features, the same way for generators and metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.data.feeding.collate import pad
from attnforge.errors import AttnforgeError, DataError, Place, Problem
from attnforge.interfaces import Dataset, Prompt, TextEncoder, Tokenizer
from attnforge.optional import ExplainsUnknown, ListsWords

SHOWN = 5
"""Words and captions that a message lists; the others are counted."""
SHOWN_CHARACTERS = 200
"""Of a caption."""


@dataclass(frozen=True, slots=True)
class CaptionEncoder:
    """A text encoder with its tokenizer."""

    text: TextEncoder
    tokenizer: Tokenizer
    device: torch.device

    @torch.no_grad()
    def __call__(self, captions: Sequence[str]) -> Prompt:
        """Encode captions of any lengths in one batch, in evaluation mode and without gradients.

        Raises:
            AttnforgeError: a caption has no word of the vocabulary.
        """
        if isinstance(self.text, nn.Module):
            self.text.eval()
        return encode_captions(self.text, self.tokenizer, captions, device=self.device)


def encode_captions(
    text: TextEncoder,
    tokenizer: Tokenizer,
    captions: Sequence[str],
    *,
    device: torch.device,
    extras: Mapping[str, Float[Tensor, "b *shape"]] | None = None,
) -> Prompt:
    """Encode captions of any lengths in one batch.

    Args:
        text: The text encoder.
        tokenizer: Its tokenizer.
        captions: The captions.
        device: Where the text encoder lives.
        extras: What else each image is to show, by name.

    Raises:
        AttnforgeError: a caption has no word of the vocabulary.
    """
    refuse_unknown(tokenizer, captions)
    tokens, lengths = pad([tokenizer.encode(caption) for caption in captions])
    tokens = tokens.to(device)
    features = text(tokens, lengths.to(device))
    moved = {name: value.to(device) for name, value in (extras or {}).items()}
    return Prompt.of(features, extras=moved, tokens=tokens)


def refuse_unknown(tokenizer: Tokenizer, captions: Sequence[str]) -> None:
    """Refuse captions without a word of the vocabulary.

    Raises:
        AttnforgeError: there are such captions; all are listed.
    """
    problems = [unknown_caption(tokenizer, caption) for caption in captions if not tokenizer.encode(caption)]
    if problems:
        raise AttnforgeError(problems)


@dataclass(frozen=True, slots=True)
class UnknownWords:
    """Words of captions that a vocabulary lacks, and which encoders therefore do not see."""

    words: Mapping[str, int]
    """How often each occurs, the most frequent first."""
    captions: int
    """How many captions have such words."""
    total: int
    """How many captions were checked."""

    @classmethod
    def of(cls, tokenizer: Tokenizer, captions: Iterable[str]) -> UnknownWords:
        """The words of captions that a tokenizer skips."""
        counts: Counter[str] = Counter()
        affected = total = 0
        for caption in captions:
            unknown = tokenizer.unknown(caption)
            counts.update(unknown)
            affected += bool(unknown)
            total += 1
        ordered = sorted(counts, key=lambda word: (-counts[word], word))
        return cls({word: counts[word] for word in ordered}, affected, total)

    def __bool__(self) -> bool:
        return bool(self.words)

    def __str__(self) -> str:
        """How many captions are affected, and the most frequent words."""
        shown = ", ".join(f"{word!r} ({count:,})" for word, count in list(self.words.items())[:SHOWN])
        more = f" and {len(self.words) - SHOWN:,} more" if len(self.words) > SHOWN else ""
        return (
            f"the vocabulary lacks words of {self.captions:,} of {self.total:,} captions, "
            f"which are skipped: {shown}{more}"
        )


def refuse_unreadable_images(tokenizer: Tokenizer, data: Dataset) -> None:
    """Refuse a data set with images whose captions have no word of the vocabulary.

    Raises:
        DataError: there are such images; the first are listed, the others counted.
    """
    unreadable = [
        index
        for index in range(len(data))
        if not any(tokenizer.encode(caption) for caption in data.captions(index))
    ]
    if not unreadable:
        return
    captions = ", ".join(repr(data.captions(index)[0]) for index in unreadable[:SHOWN])
    more = f" and {len(unreadable) - SHOWN:,} more" if len(unreadable) > SHOWN else ""
    message = (
        f"{len(unreadable):,} of {len(data):,} images have no caption with a word of the vocabulary: "
        f"{captions}{more}"
    )
    expected = "captions with words, a lower `tokenizer.min_count`, or `tokenizer: sentencepiece`"
    raise DataError(Problem("unknown-words", message, expected=expected))


def unknown_caption(tokenizer: Tokenizer, caption: str, *, place: Place | None = None) -> Problem:
    """The problem of a caption without a word of the vocabulary."""
    if isinstance(tokenizer, ExplainsUnknown):
        problem = tokenizer.unknown_caption(caption)
        return problem if place is None else replace(problem, place=place)
    unknown = tokenizer.unknown(caption)
    shown = caption if len(caption) <= SHOWN_CHARACTERS else f"{caption[:SHOWN_CHARACTERS]}..."
    message = f"no word of the caption {shown!r} is in the vocabulary"
    if unknown:
        more = f" and {len(unknown) - SHOWN:,} more" if len(unknown) > SHOWN else ""
        message += f": {', '.join(unknown[:SHOWN])}{more}"
    expected = "a caption with words that the run was trained on"
    if isinstance(tokenizer, ListsWords) and tokenizer.known_words:
        expected += f", such as {', '.join(tokenizer.known_words[:SHOWN])}"
    return Problem("caption-unknown", message, place, expected)
