"""Contrastive losses of large batches in little memory: features first, gradients part by part.

Every image of a batch is compared with every caption, so a loss over micro-batches would be another loss. As
in GradCache (Gao et al., 2021), features are computed without a graph, the loss gives their gradients, and
each part is computed once more to take these to the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from attnforge.compute.random_state import RandomState
from attnforge.compute.update import Update
from attnforge.interfaces import ImageFeatures


def minimise_in_parts(
    update: Update,
    encode: Sequence[Callable[[], ImageFeatures]],
    loss_of: Callable[[ImageFeatures], Tensor],
    *,
    device: torch.device,
) -> None:
    """Take the step that the loss of all features together would give.

    Args:
        update: Takes the step.
        encode: Computes the features of each part; called twice, with the same random numbers.
        loss_of: The loss of all features, called once.
        device: Where random numbers are drawn.
    """
    states, encoded = [], []
    with torch.no_grad():
        for part in encode:
            states.append(RandomState.current(device))
            encoded.append(part())
    regions = torch.cat([features.regions for features in encoded]).requires_grad_()
    images = torch.cat([features.image for features in encoded]).requires_grad_()

    def losses() -> Iterator[Tensor]:
        yield loss_of(ImageFeatures(regions=regions, image=images))
        assert regions.grad is not None and images.grad is not None, "the loss uses both"  # noqa: S101, PT018
        sizes = [len(features.image) for features in encoded]
        scale = update.scale
        for part, state, for_regions, for_images in zip(
            encode, states, torch.split(regions.grad, sizes), torch.split(images.grad, sizes), strict=True
        ):
            with state.replayed():
                features = part()
            # its gradient is the loss's; the scale of the loss is in it already
            yield (
                (features.regions * for_regions).float().sum() + (features.image * for_images).float().sum()
            ) / scale

    update.minimise(losses(), count=1 + len(encode))
