"""The drift of generated images towards real ones and away from one another, in a space of features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

SMALLEST_SCALE = 1e-3
"""Of mean distances, which are divided by; as in the published code."""
SMALLEST_FORCE = 1e-4
"""Of the root mean square of a force, which it is divided by; as in the published code."""


@torch.no_grad()
def drift(
    generated: Float[Tensor, "c n d"],
    real: Float[Tensor, "b d"],
    *,
    fitting: Bool[Tensor, "c b"],
    radii: Sequence[float],
) -> tuple[Float[Tensor, "c n d"], Float[Tensor, "c 1 1"]]:
    """Where the features of generated images drift, and the scale in which it is measured.

    For the images g of one caption and the real ones r that fit it, with t over both, w over the g other than
    g_i, and distances divided by their mean:

        a_it = sqrt(softmax over t of -|g_i - t| / R * softmax over i of the same)
        force_i = A+ sum over r of a_ir (r - g_i) - A- sum over w of a_iw (w - g_i)
        with A+ = sum over w of a_iw, A- = sum over r of a_ir

    The force of each radius R is divided by its root mean square over all captions, and the forces of all
    radii are summed. It is zero where as many generated as real images are equally near (Drifting, arXiv
    2602.04770, Algorithm 2).

    Args:
        generated: The features of n images of each of c captions.
        real: The features of b real images.
        fitting: Which of them fit which caption; at least one each.
        radii: Each R, as a share of the mean distance.

    Returns:
        The drift, in units of the scale, and for each caption the scale s: the mean distance, over sqrt(d).
    """
    captions, count, dim = generated.shape
    targets = torch.cat([generated, real.expand(captions, -1, -1)], dim=1)
    distances = torch.cdist(generated, targets, compute_mode="donot_use_mm_for_euclid_dist")
    present = torch.cat([fitting.new_ones(captions, count), fitting], dim=1)[:, None]
    scale = (distances * present).sum(dim=(1, 2), keepdim=True) / (count * present.sum(dim=2, keepdim=True))
    scale = scale.clamp(min=SMALLEST_SCALE)
    unit = scale / dim**0.5
    itself = torch.eye(count, len(real) + count, dtype=torch.bool, device=generated.device)
    hidden = ~present | itself
    total = torch.zeros_like(generated)
    for radius in radii:
        logits = (-distances / (scale * radius)).masked_fill(hidden, -torch.inf)
        # a column in which no image may attend, of a real image that does not fit, has no softmax
        across = logits.softmax(dim=1).nan_to_num(0.0)
        affinity = (logits.softmax(dim=2).nan_to_num(0.0) * across).sqrt()
        towards, away = affinity[:, :, count:], affinity[:, :, :count]
        factors = torch.cat(
            [-away * towards.sum(dim=2, keepdim=True), towards * away.sum(dim=2, keepdim=True)], dim=2
        )
        force = (factors @ targets - factors.sum(dim=2, keepdim=True) * generated) / unit
        total += force / force.square().mean().sqrt().clamp(min=SMALLEST_FORCE)
    return total, unit
