"""The moving average of a generator's weights, and what becomes of its statistics."""

from __future__ import annotations

import copy
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

AverageBuffers = Literal["copy", "average", "recompute"]
"""What the averaged network's buffers are; see `WeightAverage`."""


class WeightAverage:
    """A network whose weights follow those of another: average = decay average + (1 - decay) live.

    Batch normalisation has statistics beside its weights, which are no weights and have no gradient. There
    are three answers to what the averaged network should use when it draws:

    - `copy`: the live network's, as the official code saves them: averaged weights with statistics of other
      weights.
    - `average`: their moving average, with the same decay; counters are copied.
    - `recompute`: its own. `observe` says that the averaged network must now look at the step's batch in
      training mode, so that its layers keep statistics as they do in the live network. This costs one
      forward pass a step without gradients, and holds at whatever step the network is saved or drawn with.

    In all three, everything is in the network's state: a run that is resumed goes on exactly.

    Args:
        network: The live network; the average starts as a copy of it.
        decay: Share of the average that a step keeps, in (0, 1).
        buffers: What the average's buffers are.
    """

    def __init__(self, network: nn.Module, *, decay: float, buffers: AverageBuffers = "copy") -> None:
        self.decay = decay
        self.buffers = buffers
        self.network = copy.deepcopy(network)
        self._mix = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]

    @property
    def observes(self) -> bool:
        """Whether the averaged network is to be run, in training mode, on the batch of each step."""
        return self.buffers == "recompute"

    @torch.no_grad()
    def update(self, live: nn.Module) -> None:
        """Follow the live network by one step."""
        self._follow(list(self.network.parameters()), list(live.parameters()))
        if self.buffers == "recompute":
            return
        pairs = list(zip(self.network.buffers(), live.buffers(), strict=True))
        averaged = [self.buffers == "average" and mine.is_floating_point() for mine, _ in pairs]
        followed = [pair for pair, whether in zip(pairs, averaged, strict=True) if whether]
        self._follow([mine for mine, _ in followed], [theirs for _, theirs in followed])
        copied = [pair for pair, whether in zip(pairs, averaged, strict=True) if not whether]
        if copied:
            torch._foreach_copy_([mine for mine, _ in copied], [theirs for _, theirs in copied])

    def _follow(self, averages: list[Tensor], live: list[Tensor]) -> None:
        if averages:
            self._mix(averages, live, None)
