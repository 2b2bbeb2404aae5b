"""An order of images that does not depend on the order in which they were measured."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.seeds import derive_seed


def seeded_order(captions: Sequence[str], *, seed: int) -> list[int]:
    """Numbers of images, shuffled by a seed and their captions; images of one caption keep their order.

    So what is done by parts or by samples is the same for images in another order.
    """
    keys = {caption: derive_seed(seed, "order", caption) for caption in set(captions)}
    return sorted(range(len(captions)), key=lambda number: keys[captions[number]])


def shuffled(features: Float[Tensor, "n d"], captions: Sequence[str], *, seed: int) -> Float[Tensor, "n d"]:
    """The features in that order."""
    return features[torch.tensor(seeded_order(captions, seed=seed), dtype=torch.long)]
