"""The recurrent network that connects the conditions of all affine layers."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class RecurrentConditions(nn.Module):
    """A condition for each layer of a chain: hidden states of an LSTM that reads the sentence every time.

    (i, f, g, o) = W s + U h + b; c' = sigmoid(f) c + sigmoid(i) tanh(g); h' = sigmoid(o) tanh(c'): RAT-GAN
    (Ye et al., 2022), Sec. 3. The first h and c are linear in the noise.

    Args:
        sentence: Width of the sentence vector.
        noise: Width of the noise vector.
        hidden: Width of a condition.
    """

    def __init__(self, *, sentence: int, noise: int, hidden: int) -> None:
        super().__init__()
        self.first_hidden = nn.Linear(noise, hidden)
        self.first_cell = nn.Linear(noise, hidden)
        self.read = nn.Linear(sentence, 4 * hidden)
        self.recur = nn.Linear(hidden, 4 * hidden, bias=False)
        bound = hidden**-0.5  # as torch initialises an LSTM
        for parameter in (*self.read.parameters(), *self.recur.parameters()):
            nn.init.uniform_(parameter, -bound, bound)

    def forward(
        self, noise: Float[Tensor, "b n"], sentence: Float[Tensor, "b d"], *, layers: int
    ) -> list[Float[Tensor, "b h"]]:
        """The conditions of the first `layers` layers, in order."""
        hidden: Tensor = self.first_hidden(noise)
        cell: Tensor = self.first_cell(noise)
        from_sentence = self.read(sentence)
        conditions: list[Tensor] = []
        for _ in range(layers):
            gates = from_sentence + self.recur(hidden)
            enter, keep, candidate, leave = gates.chunk(4, dim=1)
            cell = keep.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
            hidden = leave.sigmoid() * torch.tanh(cell)
            conditions.append(hidden)
        return conditions
