"""The two recurrent layers of Reed et al. (2016), which differ from torch's."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class PlainRecurrence(nn.Module):
    """h = relu(W x + U h), with h = relu(W x) at the first step; torch's `RNN` has U's bias there, too.

    Args:
        channels: Width of inputs and states.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.from_input = nn.Linear(channels, channels)
        self.from_state = nn.Linear(channels, channels)

    def forward(self, inputs: Float[Tensor, "b s c"]) -> Float[Tensor, "b s c"]:
        inner = self.from_input(inputs)
        states = [F.relu(inner[:, 0])]
        for step in range(1, inputs.shape[1]):
            states.append(F.relu(inner[:, step] + self.from_state(states[-1])))
        return torch.stack(states, dim=1)


class GatedRecurrence(nn.Module):
    """A GRU whose reset gate acts on the state before its matrix, as Cho et al. (2014) have it.

    z and r are sigmoids of input and state, the candidate is tanh(W x + U (r * h)), and the state becomes
    z * candidate + (1 - z) * h. The first state is tanh(W x), without gates.

    Args:
        channels: Width of inputs and states.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.from_input = nn.Linear(channels, 3 * channels)
        self.gates_from_state = nn.Linear(channels, 2 * channels)
        self.candidate_from_state = nn.Linear(channels, channels)

    def forward(self, inputs: Float[Tensor, "b s c"]) -> Float[Tensor, "b s c"]:
        widths = (2 * self.channels, self.channels)
        gates, candidates = self.from_input(inputs).split(widths, dim=2)
        states = [torch.tanh(candidates[:, 0])]
        for step in range(1, inputs.shape[1]):
            before = states[-1]
            opened = torch.sigmoid(gates[:, step] + self.gates_from_state(before))
            update, reset = opened.chunk(2, dim=1)
            candidate = torch.tanh(candidates[:, step] + self.candidate_from_state(reset * before))
            states.append(update * candidate + (1 - update) * before)
        return torch.stack(states, dim=1)
