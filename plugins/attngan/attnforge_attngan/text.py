"""Bidirectional recurrent text encoders."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from attnforge.adversarial.precision import without_autocast
from attnforge.interfaces import TextFeatures
from attnforge.ranges import EvenWidth, ShareBelowOne, Width
from attnforge.specs import TextSpec


class RecurrentTextEncoder(nn.Module):
    """Base of `BiLSTM` and `BiGRU`, which read a caption forwards and backwards.

    Word t is the two hidden states at t, concatenated; the sentence is by default the two last ones (Xu et
    al., 2018, section 3.2). Words are 0 at padding, captions need no order, and a caption without any known
    word is read as the single token 0.

    Args:
        dim: Width of word and sentence vectors, half of it for each direction.
        embedding: Width of the word embedding.
        dropout: Dropout probability of the embedding's values.
        sentence: `last` takes the two last hidden states, as the paper does; `mean` takes the mean of the
            words, which retains more of a long caption and learns in fewer steps.
    """

    cell: ClassVar[type[nn.LSTM] | type[nn.GRU]]

    def __init__(
        self,
        spec: TextSpec,
        *,
        dim: EvenWidth = 256,
        embedding: Width = 300,
        dropout: ShareBelowOne = 0.5,
        sentence: Literal["last", "mean"] = "last",
    ) -> None:
        super().__init__()
        self.dim = dim
        self.sentence = sentence
        self.embedding = nn.Embedding(spec.vocabulary_size, embedding)
        self.dropout = nn.Dropout(dropout)
        self.recurrence = self.cell(embedding, dim // 2, batch_first=True, bidirectional=True)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)

    def forward(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures:
        lengths = lengths.clamp(min=1)
        embedded = self.dropout(self.embedding(tokens))
        with without_autocast(tokens.device):  # a rounded state would be rounded again at every word
            # packing depends on the lengths' values, which `torch.export` does not know
            packed = tokens.device.type == "cpu" and not torch.compiler.is_exporting()
            read = self.read_packed if packed else self.read_unpacked
            words, last = read(embedded, lengths)
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        return TextFeatures(
            words=words.transpose(1, 2).contiguous(),
            sentence=words.sum(dim=1) / lengths[:, None] if self.sentence == "mean" else last,
            padding=positions[None, :] >= lengths[:, None],
        )

    def read_packed(
        self, embedded: Float[Tensor, "b l _"], lengths: Int[Tensor, "b"]
    ) -> tuple[Float[Tensor, "b l d"], Float[Tensor, "b d"]]:
        """Words and last states, without reading padding: faster on a CPU."""
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        outputs, state = self.recurrence(packed)
        words, _ = pad_packed_sequence(outputs, batch_first=True, total_length=embedded.shape[1])
        hidden: Float[Tensor, "2 b _"] = state[0] if isinstance(state, tuple) else state
        return words, torch.cat((hidden[0], hidden[1]), dim=1)

    def read_unpacked(
        self, embedded: Float[Tensor, "b l _"], lengths: Int[Tensor, "b"]
    ) -> tuple[Float[Tensor, "b l d"], Float[Tensor, "b d"]]:
        """The same without copying the lengths to the host, which would synchronise with the GPU.

        Each caption is read twice, with its padding behind it and before it; of each pass, the direction
        that reaches the padding last is kept.
        """
        (batch, max_length), half = embedded.shape[:2], self.dim // 2
        positions = torch.arange(max_length, device=embedded.device)[None]
        to_right = (positions + lengths[:, None]) % max_length
        to_left = (positions - lengths[:, None]) % max_length
        moved = embedded.gather(1, to_right[:, :, None].expand_as(embedded))
        outputs, _ = self.recurrence(torch.cat((embedded, moved)))
        forwards, backwards = outputs[:batch, :, :half], outputs[batch:, :, half:]
        backwards = backwards.gather(1, to_left[:, :, None].expand_as(backwards))
        ends = (lengths - 1)[:, None, None].expand(-1, 1, half)
        last = torch.cat((forwards.gather(1, ends)[:, 0], backwards[:, 0]), dim=1)
        padding = positions >= lengths[:, None]
        return torch.cat((forwards, backwards), dim=2).masked_fill(padding[:, :, None], 0), last


class BiLSTM(RecurrentTextEncoder):
    """The text encoder of AttnGAN: one bidirectional LSTM layer (Hochreiter and Schmidhuber, 1997).

    Args:
        dim: Width of word and sentence vectors, half of it for each direction.
        embedding: Width of the word embedding.
        dropout: Dropout probability of the embedding's values.
        sentence: `last` takes the two last hidden states, as the paper does; `mean` takes the mean of the
            words, which retains more of a long caption and learns in fewer steps.
    """

    cell = nn.LSTM


class BiGRU(RecurrentTextEncoder):
    """The lighter text encoder of AttnGAN's code: one bidirectional GRU layer (Cho et al., 2014).

    Args:
        dim: Width of word and sentence vectors, half of it for each direction.
        embedding: Width of the word embedding.
        dropout: Dropout probability of the embedding's values.
        sentence: `last` takes the two last hidden states, as the paper does; `mean` takes the mean of the
            words, which retains more of a long caption and learns in fewer steps.
    """

    cell = nn.GRU
