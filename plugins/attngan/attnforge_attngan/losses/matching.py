"""DAMSM's cross entropies (Eq. 11-14): which caption of a batch belongs to which image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from attnforge.adversarial.precision import at_least_float32
from attnforge.compute.collectives import gather, gather_text, gather_together
from attnforge.interfaces import ImageFeatures, TextFeatures, WholeBatch
from attnforge.kernels.region_matching import Precision, region_matching
from attnforge_attngan.losses.options import Reduction, WordScore


def matching_terms(
    text: TextFeatures,
    image: ImageFeatures,
    *,
    class_ids: Int[Tensor, "b"] | None = None,
    everyone: WholeBatch | None = None,
    gamma1: float,
    gamma2: float,
    gamma3: float,
    word_score: WordScore = "official",
    reduction: Reduction = "mean",
    precision: Precision = "auto",
    filter: float = 0.0,
    kept: Float[Tensor, ""] | None = None,
    kernel: str = "auto",
) -> dict[str, Float[Tensor, ""]]:
    """DAMSM's four terms for captions and images that belong together item by item.

    Where several processes train together, each scores its own images against the captions of all of them,
    and the scores are gathered: the terms are those of the whole batch, in every process.

    Args:
        text: The captions, each of at least one word; caption i belongs to image i, and captions beyond
            the number of images are negatives for all of them.
        image: Their images.
        class_ids: When given, pairs of different items of the same class are masked.
        everyone: The captions and classes of all processes, if they were gathered before; each process has an
            equal share of them.
        gamma1: How sharply a word picks its regions (Eq. 9).
        gamma2: How much the best-matching words of a caption count (Eq. 10).
        gamma3: How sharply an image picks its caption (Eq. 11).
        word_score: `paper` applies the power 1/gamma2 of Eq. 10, which divides R, and with it the logits of
            the two terms by words, by gamma2; the `official` code omits it.
        reduction: See `matching_losses`.
        precision: Type that regions and words are rounded to before the product; see `region_matching`.
        filter: The share of the gradient by words that the backward pass may skip; 0 is exact.
        kept: A scalar that the backward pass sets to the share of pairs that it computed.
        kernel: The kernel that matches regions, or `auto`.

    Returns:
        The unweighted terms, named as `matching_losses` names them.
    """
    text = everyone.prompt if everyone else gather_text(text, rows=len(image.image))
    words = region_matching(
        text.words,
        image.regions,
        text.lengths,
        gamma1=gamma1,
        gamma2=gamma2,
        precision=precision,
        filter=filter,
        kept=kept,
        kernel=kernel,
    )
    if word_score == "paper":
        words = words / gamma2
    images, captions = at_least_float32(image.image), at_least_float32(text.sentence)
    sentences = F.cosine_similarity(images[:, None], captions[None], dim=2)
    if class_ids is not None:
        class_ids = everyone.class_ids if everyone else gather(class_ids)
    words, sentences = gather_together(words, sentences)
    return matching_losses(words, sentences, class_ids, gamma3, reduction=reduction)


def matching_losses(
    word_scores: Float[Tensor, "b t"],
    sentence_scores: Float[Tensor, "b t"],
    class_ids: Int[Tensor, "b"] | None,
    gamma3: float,
    *,
    reduction: Reduction = "mean",
) -> dict[str, Float[Tensor, ""]]:
    """The four cross entropies of Eq. 11-14, from scores with one row per image and one column per caption.

    `caption by words` and `caption by sentence` are the mean over images of -log P(caption | image),
    `image by words` and `image by sentence` the mean over captions of -log P(image | caption).

    Args:
        word_scores: R of Eq. 10 for every pair; column i < b is the caption of image i, and the columns
            from b on are negatives for every image.
        sentence_scores: The cosine of image and sentence vector for every pair.
        class_ids: When given, pairs of different items of the same class are masked in every sum: a caption
            of another image of the same species is not a negative.
        gamma3: How sharply an image picks its caption, and a caption its image.
        reduction: `mean` over the batch, as in the official code; `sum` over it, as in Eq. 12-13.
    """
    masked = None if class_ids is None else same_class_pairs(class_ids)
    terms = {}
    for name, scores in {"words": word_scores, "sentence": sentence_scores}.items():
        logits = gamma3 * scores
        targets = torch.arange(len(logits), device=logits.device)
        if masked is not None:
            logits = logits.masked_fill(F.pad(masked, (0, logits.shape[1] - len(targets))), -torch.inf)
        terms[f"caption by {name}"] = F.cross_entropy(logits, targets, reduction=reduction)
        terms[f"image by {name}"] = F.cross_entropy(logits[:, : len(targets)].T, targets, reduction=reduction)
    return terms


def same_class_pairs(class_ids: Int[Tensor, "b"]) -> Bool[Tensor, "b b"]:
    """True where two different items have the same class."""
    same = class_ids[:, None] == class_ids[None]
    return same & ~torch.eye(len(class_ids), dtype=torch.bool, device=class_ids.device)
