"""Mismatched pairs: real images with captions of other images, for the conditional discriminators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.adversarial.precision import at_least_float32
from attnforge.interfaces import AdversarialStep, Discriminator, Prompt, WholeBatch
from attnforge.optional import ScoresPairs

Mismatch = Literal["roll", "circular", "other-class", "all", "none"]


@dataclass(frozen=True, slots=True)
class Mismatched:
    """The mismatched pairs of a step's images, with captions from the whole batch."""

    images: Int[Tensor, "k"]
    """Rows of the step's images."""
    captions: Int[Tensor, "k"]
    """Rows of the whole batch's captions."""
    whole: Prompt
    """The captions of the whole batch."""
    extras: Mapping[str, Tensor]
    """The extras of the step's images."""
    share: float
    """The factor of a mean over these pairs, so that the mean over processes and micro-batches is that over
    all pairs of the batch: 1 unless some have more pairs than others."""

    @property
    def prompt(self) -> Prompt:
        """The caption of each pair, with the extras of its image."""
        extras = {name: extra[self.images] for name, extra in self.extras.items()}
        return replace(replace(self.whole, extras={}).rows(self.captions), extras=extras)

    def logits(self, network: Discriminator, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "k *_"]:
        """How real each pair is, from the features of the step's images."""
        if not isinstance(network, ScoresPairs) or self.extras:
            return network.logits(features[self.images], self.prompt)
        return network.pair_logits(features, self.whole, images=self.images, captions=self.captions)

    def mean(
        self,
        network: Discriminator,
        features: Float[Tensor, "b c h w"],
        loss: Callable[[Float[Tensor, "k *_"]], Float[Tensor, ""]],
    ) -> Float[Tensor, ""]:
        """This part's contribution to the mean loss over all pairs of the batch.

        Args:
            network: Classifies the pairs.
            features: Its features of the step's images.
            loss: The mean loss of the logits of pairs.
        """
        if not len(self.images):  # another part has pairs
            return at_least_float32(features.new_zeros(()))
        return self.share * loss(at_least_float32(self.logits(network, features)))


def mismatched(step: AdversarialStep, mismatch: Mismatch) -> Mismatched | None:
    """The mismatched pairs of a step's images; None when the whole batch has none.

    Args:
        step: The step; its images may be a part of a batch.
        mismatch: How pairs are chosen; see `mismatched_pairs`.
    """
    if step.everyone is None:
        images, captions = mismatched_pairs(step.batch.class_ids, mismatch)
        return Mismatched(images, captions, step.prompt, step.prompt.extras, 1.0) if len(images) else None
    everyone, rows = step.everyone, len(step.batch.class_ids)
    images, captions, pairs = _pairs_of_rows(everyone, rows, mismatch)
    if not pairs:
        return None
    images = images - everyone.first
    parts = len(everyone.class_ids) / rows
    share = parts * len(images) / pairs
    return Mismatched(images, captions, everyone.prompt, step.prompt.extras, share)


def mismatched_pairs(
    class_ids: Int[Tensor, "b"], mismatch: Mismatch
) -> tuple[Int[Tensor, "k"], Int[Tensor, "k"]]:
    """Choose k mismatched pairs of a batch: the indices of the images, and those of their captions.

    - `roll` pairs each image but the last with the next caption, as the official AttnGAN code does; in a data
      set of few classes that caption may match.
    - `circular` pairs each image with the previous caption, and the first with the last, as DF-GAN does; a
      batch of one image has no pairs.
    - `other-class` pairs each image with the next caption of another class, cyclically; an image is skipped
      when the whole batch has its class.
    - `all` pairs each image with every caption of another class, which learns matching faster at little cost,
      since the features of images are computed already.
    - `none` gives no pairs, as in Eq. 5 of AttnGAN.
    """
    indices = torch.arange(len(class_ids), device=class_ids.device)
    if mismatch == "none":
        return indices[:0], indices[:0]
    if mismatch == "roll":
        return indices[:-1], indices[1:]
    if mismatch == "circular":
        return (indices.roll(-1), indices) if len(indices) > 1 else (indices[:0], indices[:0])
    same = class_ids[:, None] == class_ids[None]
    if mismatch == "all":
        images, captions = torch.nonzero(~same, as_tuple=True)
        return images, captions
    distances = (indices[None] - indices[:, None]) % len(class_ids)
    nearest = distances.masked_fill(same, len(class_ids)).argmin(dim=1)
    images = indices[~same.all(dim=1)]
    return images, nearest[images]


def _pairs_of_rows(
    everyone: WholeBatch, rows: int, mismatch: Mismatch
) -> tuple[Int[Tensor, "k"], Int[Tensor, "k"], int]:
    """Some rows of a batch with the captions of `mismatched_pairs`, and how many pairs all rows have."""
    first, count = everyone.first, len(everyone.class_ids)
    device = everyone.class_ids.device
    # these two depend on no class, so that a GPU need not be waited for
    if mismatch == "roll":
        images = torch.arange(first, min(first + rows, count - 1), device=device)
        return images, images + 1, count - 1
    if mismatch == "circular" and count > 1:
        images = torch.arange(first, first + rows, device=device)
        return images, (images - 1) % count, count
    images, captions = mismatched_pairs(everyone.class_ids, mismatch)
    own = (images >= first) & (images < first + rows)
    return images[own], captions[own], len(images)
