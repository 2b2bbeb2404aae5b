"""Collates samples to a batch: captions become padded token ids, images become floats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from attnforge.data.extras import stacked_extras
from attnforge.data.feeding.sample_loader import SkippedImage
from attnforge.errors import DataError, Problem
from attnforge.interfaces import Batch, Sample, Tokenizer
from attnforge.seeds import derive_seed
from attnforge.values import BatchOrder, Truncate


@dataclass(frozen=True, slots=True)
class EncodedSamples:
    """A batch before it is moved to the device: small enough to be sent between processes."""

    image: UInt8[Tensor, "b 3 h w"]
    tokens: Int[Tensor, "b l"]
    lengths: Int[Tensor, "b"]
    class_ids: Int[Tensor, "b"]
    captions: tuple[str, ...]
    keys: tuple[str, ...]
    extras: Mapping[str, Float[Tensor, "b *shape"]]
    other_tokens: Int[Tensor, "k b m"] | None = None
    other_lengths: Int[Tensor, "k b"] | None = None
    skipped: tuple[SkippedImage, ...] = ()
    """Images that could not be read, and were replaced by others."""

    def batch(self, device: torch.device | str = "cpu") -> Batch:
        """The batch on a device, its images in [-1, 1]."""
        levels = _moved(self.image, device)
        return Batch(
            image=levels.float().div_(127.5).sub_(1.0),
            tokens=_moved(self.tokens, device),
            lengths=_moved(self.lengths, device),
            class_ids=_moved(self.class_ids, device),
            captions=self.captions,
            keys=self.keys,
            levels=levels,
            extras={name: _moved(value, device) for name, value in self.extras.items()},
            other_tokens=None if self.other_tokens is None else _moved(self.other_tokens, device),
            other_lengths=None if self.other_lengths is None else _moved(self.other_lengths, device),
        )


def _moved(values: Tensor, device: torch.device | str) -> Tensor:
    """The values on a device; copied to a GPU without waiting, from pinned memory."""
    if torch.device(device).type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def collate(
    samples: Sequence[Sample],
    *,
    tokenizer: Tokenizer,
    max_words: int,
    seeds: Sequence[int],
    truncate: Truncate = "random",
    order: BatchOrder = "drawn",
    length: int = 0,
    others: Sequence[Sequence[str]] = (),
) -> EncodedSamples:
    """Encode the captions, pad them with 0 to the longest, and stack the images.

    Args:
        samples: Images of one size.
        tokenizer: Gives the token ids.
        max_words: Longer captions lose words.
        seeds: One for each sample; decides which words a long caption loses.
        truncate: Which words a long caption keeps; see `shorten`.
        order: `drawn` keeps the samples' order; `length` sorts by length of caption after shortening, longest
            first and stable, as the official AttnGAN code does.
        length: Minimum length of padded captions, in words; 0 pads them to the longest.
        others: Further captions of each image, as many of one as of another; none by default.

    Raises:
        DataError: a caption has no known word, or the images differ in size.
    """
    encoded = [
        shorten(tokenizer.encode(sample.caption), max_words=max_words, seed=seed, truncate=truncate)
        for sample, seed in zip(samples, seeds, strict=True)
    ]
    _check(samples, encoded)
    further = [
        [
            shorten(
                tokenizer.encode(caption),
                max_words=max_words,
                seed=derive_seed(seed, "other caption", number),
                truncate=truncate,
            )
            for number, caption in enumerate(captions)
        ]
        for captions, seed in zip(others, seeds, strict=bool(others))
    ]
    if order == "length":
        indices = sorted(range(len(samples)), key=lambda index: -len(encoded[index]))
        samples, encoded = [samples[index] for index in indices], [encoded[index] for index in indices]
        further = [further[index] for index in indices] if further else further
    tokens, lengths = pad(encoded, length=length)
    other_tokens, other_lengths = _stacked(further, length=length)
    return EncodedSamples(
        image=torch.stack([sample.image for sample in samples]),
        tokens=tokens,
        lengths=lengths,
        class_ids=torch.tensor([sample.class_id for sample in samples], dtype=torch.long),
        captions=tuple(sample.caption for sample in samples),
        keys=tuple(sample.key for sample in samples),
        extras=stacked_extras(samples),
        other_tokens=other_tokens,
        other_lengths=other_lengths,
    )


def _stacked(
    further: Sequence[Sequence[Sequence[int]]], *, length: int
) -> tuple[Int[Tensor, "k b m"] | None, Int[Tensor, "k b"] | None]:
    """Further captions of each image as tensors, the first of all images first; None without any."""
    ids = [row for rows in zip(*further, strict=True) for row in rows]
    if not ids:
        return None, None
    tokens, lengths = pad(ids, length=length)
    return tokens.view(-1, len(further), tokens.shape[1]), lengths.view(-1, len(further))


def pad(encoded: Sequence[Sequence[int]], *, length: int = 0) -> tuple[Int[Tensor, "b l"], Int[Tensor, "b"]]:
    """Token ids of captions as one tensor, padded with 0 to the longest, and the captions' lengths.

    The tensor has at least `length` columns.
    """
    lengths = torch.tensor([len(ids) for ids in encoded], dtype=torch.long)
    tokens = torch.zeros(len(encoded), max(length, *map(len, encoded)), dtype=torch.long)
    for row, ids in zip(tokens, encoded, strict=True):
        row[: len(ids)] = torch.tensor(ids, dtype=torch.long)
    return tokens, lengths


def shorten(ids: list[int], *, max_words: int, seed: int, truncate: Truncate = "random") -> list[int]:
    """At most `max_words` of the ids, in their order.

    `random` chooses them by seed, as the official AttnGAN code does: over the epochs, every word is seen.
    `first` keeps the beginning, as most later implementations do.
    """
    if len(ids) <= max_words:
        return ids
    if truncate == "first":
        return ids[:max_words]
    kept = Random(derive_seed(seed, "words")).sample(range(len(ids)), max_words)  # noqa: S311
    return [ids[index] for index in sorted(kept)]


def _check(samples: Sequence[Sample], encoded: Sequence[list[int]]) -> None:
    problems = [
        Problem(
            code="unknown-words",
            message=f"image {sample.key}: no word of {sample.caption!r} is in the vocabulary",
            expected="a caption with at least one word of the vocabulary",
        )
        for sample, ids in zip(samples, encoded, strict=True)
        if not ids
    ]
    shapes = {tuple(sample.image.shape) for sample in samples}
    if len(shapes) > 1:
        problems.append(
            Problem(
                code="image-sizes",
                message=f"a batch has images of different shapes: {sorted(shapes)}",
                expected="a data set whose images all have the size of its spec",
            )
        )
    if problems:
        raise DataError(problems)
