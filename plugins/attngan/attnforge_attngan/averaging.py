"""The EMA of a generator's weights, with a choice of batch normalisation statistics."""

from __future__ import annotations

import copy
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

AverageBuffers = Literal["copy", "average", "recompute"]
"""How the averaged network's buffers are computed; see `WeightAverage`."""


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
        decay: Weight of the average in each update, in (0, 1).
        buffers: How the average's buffers are computed.
    """

    def __init__(self, network: nn.Module, *, decay: float, buffers: AverageBuffers = "copy") -> None:
        self.decay = decay
        self.buffers = buffers
        self.network = copy.deepcopy(network)
        self._ema = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]

    @property
    def observes(self) -> bool:
        """Whether the averaged network is to be run, in training mode, on the batch of each step."""
        return self.buffers == "recompute"

    @torch.no_grad()
    def update(self, live: nn.Module) -> None:
        """Update the average from the live network."""
        self._mix(list(self.network.parameters()), list(live.parameters()))
        if self.buffers == "recompute":
            return
        pairs = list(zip(self.network.buffers(), live.buffers(), strict=True))
        is_averaged = [self.buffers == "average" and average.is_floating_point() for average, _ in pairs]
        averaged = [pair for pair, flag in zip(pairs, is_averaged, strict=True) if flag]
        self._mix([average for average, _ in averaged], [source for _, source in averaged])
        copied = [pair for pair, flag in zip(pairs, is_averaged, strict=True) if not flag]
        if copied:
            torch._foreach_copy_([average for average, _ in copied], [source for _, source in copied])

    def _mix(self, averages: list[Tensor], live: list[Tensor]) -> None:
        if averages:
            self._ema(averages, live, None)
