"""Some images against a block of captions: tables of words by regions, reused for other images."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.kernels.region_matching.captions import Block
from attnforge.kernels.region_matching.cosines import Cosines, cosines_of, slopes_of

MAX_GAMMA1 = 30.0
"""Above this gamma1, squares of sums of exp(gamma1) may overflow float32: weights are then divided by the
largest of each word, which costs another pass."""


class Tables:
    """Buffers for p images of n regions and r words, and the computation in them: `match`, then `gradients`.

    The factors of the large products have the type `products`; all else has the precision of the rows.
    Everything is written in place, since allocation costs more than computation.

    Args:
        block: The captions.
        rows: Their words.
        images: Images computed together.
        regions: How many regions an image has.
        products: The type of factors.
        backward: Whether to compute gradients, which need more tables.
    """

    def __init__(
        self,
        block: Block,
        rows: Float[Tensor, "r d"],
        *,
        images: int,
        regions: int,
        products: torch.dtype,
        backward: bool = False,
    ) -> None:
        (count, width), new = rows.shape, rows.new_empty
        self.block, self.rows = block, rows
        self.word_squares = torch.linalg.vecdot(rows, rows)
        self.rounded = products != rows.dtype
        self.contexts, self.scratch = new(2, images, count, width)
        tables = 2 if backward else 1
        # The gradients of an image through scores and through weights are one product.
        self.both, self.both_factors = (
            new(images, tables, count, regions),
            new(images, tables, count, width),
        )
        self.both_factors[:, 0] = rows
        self.of_scores, self.weights = self.both[:, 0], self.both[:, -1]
        self.probabilities = new(images, count, regions) if backward else self.weights
        self.of_rows = torch.zeros_like(rows) if backward else rows
        if self.rounded:
            self.vectors = new(images, width, regions, dtype=products)
            self.both_rounded = new(images, tables, count, regions, dtype=products)
            self.factors_rounded = new(images, tables, count, width, dtype=products)
            self.factors_rounded[:, 0] = rows
            self.product_rounded = new(images * count * max(width, regions), dtype=products)
        else:
            self.both_rounded, self.factors_rounded = self.both, self.both_factors

    def match(self, images: Float[Tensor, "p d n"], gamma1: float) -> Cosines:
        """The cosine of every word with its context in each image (Eq. 7-9)."""
        self.vectors = self.vectors.copy_(images) if self.rounded else images.to(self.rows.dtype)
        probabilities, weights, contexts = self.probabilities, self.weights, self.contexts
        self.multiply(self.factors_rounded[:, 0], self.vectors, out=probabilities)
        for scores in self.block.split(probabilities, dim=1):
            scores -= scores.amax(dim=2, keepdim=True)
        probabilities.exp_()
        for powers in self.block.split(probabilities, dim=1):
            powers /= powers.sum(dim=2, keepdim=True)
        torch.mul(probabilities, gamma1, out=weights)
        if gamma1 > MAX_GAMMA1:
            weights -= weights.amax(dim=2, keepdim=True)
        weights.exp_()
        totals = weights.sum(dim=2)
        if self.rounded:
            # Weights are at least 1; rounding only the excess over 1 loses less.
            above = 0.0 if gamma1 > MAX_GAMMA1 else 1.0
            self.both_rounded[:, -1].copy_(torch.sub(weights, above, out=self.of_scores))
            self.multiply(self.both_rounded[:, -1], self.vectors.transpose(1, 2), out=contexts)
            contexts += above * images.sum(dim=2, dtype=contexts.dtype)[:, None]
        else:
            self.multiply(weights, self.vectors.transpose(1, 2), out=contexts)
        dots = torch.mul(contexts, self.rows, out=self.scratch).sum(dim=2)
        squares = torch.mul(contexts, contexts, out=self.scratch).sum(dim=2)
        return cosines_of(dots, squares, self.word_squares, totals)

    def gradients(
        self, gamma1: float, cosines: Cosines, incoming: Float[Tensor, "p r"]
    ) -> Float[Tensor, "p d n"]:
        """The gradient of the last images of `match`; that of the words is added to `of_rows`.

        Args:
            gamma1: The argument of `match`.
            cosines: The result of `match`.
            incoming: The gradient of the cosines.
        """
        slopes = slopes_of(cosines, self.word_squares, incoming)
        of_contexts, of_scores = self.both_factors[:, -1], self.of_scores
        torch.mul(self.rows, slopes.a[:, :, None], out=of_contexts)
        of_contexts.addcmul_(self.contexts, slopes.b[:, :, None], value=-1)
        if self.rounded:
            self.factors_rounded[:, -1].copy_(of_contexts)
        self.multiply(self.factors_rounded[:, -1], self.vectors, out=of_scores)
        if slopes.totals is not None:
            of_scores += slopes.totals[:, :, None]
        of_scores *= self.weights
        of_scores *= gamma1
        of_scores *= self.probabilities
        for powers, part in zip(
            self.block.split(self.probabilities, dim=1), self.block.split(of_scores, dim=1), strict=True
        ):
            part.addcmul_(powers, part.sum(dim=2, keepdim=True), value=-1)
        if self.rounded:
            self.both_rounded.copy_(self.both)
        self.multiply(self.both_rounded[:, 0], self.vectors.transpose(1, 2), out=self.scratch)
        self.scratch.addcmul_(self.contexts, slopes.a[:, :, None])
        self.scratch.addcmul_(self.rows, slopes.c[:, :, None], value=-1)
        for part in self.scratch:
            self.of_rows += part
        return torch.bmm(self.factors_rounded.flatten(1, 2).transpose(1, 2), self.both_rounded.flatten(1, 2))

    def multiply(
        self, left: Float[Tensor, "p r k"], right: Float[Tensor, "p k c"], *, out: Float[Tensor, "p r c"]
    ) -> None:
        """Write the product of factors to `out`."""
        if self.rounded:
            product = self.product_rounded[: out.numel()].view(out.shape)
            out.copy_(torch.bmm(left, right, out=product))
        else:
            torch.bmm(left, right, out=out)
