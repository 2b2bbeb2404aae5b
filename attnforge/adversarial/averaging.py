"""The EMA of a generator's weights, with a choice of batch normalisation statistics."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from attnforge.interfaces import Progress
from attnforge.ranges import Positive, ShareBelowOne

AverageBuffers = Literal["copy", "average", "recompute"]
"""How the averaged network's buffers are computed; see `WeightAverage`."""


@dataclass(frozen=True, kw_only=True)
class Average:
    """The EMA of a generator's weights, as a section of a recipe.

    Args:
        decay: Decay per step, as in the official AttnGAN code; the paper does not mention it.
        half_life: Instead of `decay`: images after which a weight's share in the average has halved
            (Karras et al., 2020), so that the average does not depend on the batch size.
        ramp_up: With `half_life`: while few images were seen, the half-life is at most this share of their
            number, so that the average forgets the random start (Karras et al., 2020, take 0.05); 0 for none.
        buffers: What the averaged generator's batch normalisation uses: `copy`, the statistics of the
            trained generator, as the official code; `average`, their EMA; `recompute`, its own, which takes a
            forward pass on each step's captions. See `WeightAverage`.
    """

    decay: ShareBelowOne = 0.999
    half_life: Positive | None = None
    ramp_up: Annotated[float, Field(ge=0, le=1)] = 0.0
    buffers: AverageBuffers = "copy"

    def decay_at(self, progress: Progress) -> float:
        """The decay of the update that ends a step."""
        if self.half_life is None:
            return self.decay
        half_life = float(self.half_life)
        if self.ramp_up:
            half_life = min(half_life, self.ramp_up * (progress.step + 1) * progress.batch_size)
        return float(0.5 ** (progress.batch_size / half_life))


class WeightAverage:
    """The exponential moving average of a network: average = decay average + (1 - decay) live.

    Batch normalisation also has statistics, which are buffers without gradients. The averaged network can
    take them in three ways:

    - `copy`: the live network's, as the official code saves them: averaged weights with statistics of other
      weights.
    - `average`: their EMA, with the same decay; counters are copied.
    - `recompute`: its own. `observes` says that the averaged network must be run on each step's batch in
      training mode, so that its layers update their statistics as those of the live network do. This costs
      one forward pass per step without gradients, and is valid at every step.

    In all three, everything is in the network's state dict, so that a resumed run continues exactly.

    Args:
        network: The live network; the average starts as a copy of it.
        average: The decay, and how the average's buffers are computed.
    """

    def __init__(self, network: nn.Module, average: Average) -> None:
        self.average = average
        self.buffers: AverageBuffers = average.buffers
        self.network = copy.deepcopy(network)

    @property
    def observes(self) -> bool:
        """Whether the averaged network is to be run, in training mode, on the batch of each step."""
        return self.buffers == "recompute"

    @torch.no_grad()
    def update(self, live: nn.Module, *, progress: Progress) -> None:
        """Update the average from the live network, at the end of a step."""
        decay = self.average.decay_at(progress)
        _mix(list(self.network.parameters()), list(live.parameters()), decay)
        if self.buffers == "recompute":
            return
        pairs = list(zip(self.network.buffers(), live.buffers(), strict=True))
        is_averaged = [self.buffers == "average" and average.is_floating_point() for average, _ in pairs]
        averaged = [pair for pair, flag in zip(pairs, is_averaged, strict=True) if flag]
        _mix([average for average, _ in averaged], [source for _, source in averaged], decay)
        copied = [pair for pair, flag in zip(pairs, is_averaged, strict=True) if not flag]
        if copied:
            torch._foreach_copy_([average for average, _ in copied], [source for _, source in copied])


def _mix(averages: list[Tensor], live: list[Tensor], decay: float) -> None:
    if averages:
        get_ema_multi_avg_fn(decay)(averages, live, None)  # type: ignore[no-untyped-call]
