"""Text encoders on pretrained word vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from attnforge.adversarial.precision import without_autocast
from attnforge.interfaces import TextFeatures
from attnforge.ranges import EvenWidth, ShareBelowOne, Width
from attnforge.specs import TextSpec
from attnforge.storage.carried import CarriedFile

from .packages import PRETRAINED
from .vectors import WIDTH, WordVectors


class WordVectorEncoder(nn.Module):
    """Maps pretrained vectors of a caption's pieces to words, whose mean is the sentence.

    The mean of such vectors was trained to tell what a text is about (Miller, WordLlama, 2024), so that
    captions of words that occur in no training caption lie near captions of similar words. The order of words
    has no effect. One matrix, orthogonal at first, maps to the width `dim`; it trains in a matching phase.
    Without such a phase it keeps the distances between captions if `dim` is 256. Words are 0 at padding.
    Needs the tokenizer `wordllama`.

    Args:
        dim: Width of word and sentence vectors.
        frozen: Keep the vectors; otherwise a matching phase fine-tunes them, those of words that occur.
        dropout: Dropout probability of the vectors' values.

    Raises:
        RecipeError: The package `wordllama` is not installed, or the tokenizer has another vocabulary.
    """

    def __init__(
        self, spec: TextSpec, *, dim: Width = 256, frozen: bool = True, dropout: ShareBelowOne = 0.0
    ) -> None:
        super().__init__()
        self.dim = dim
        self.vectors = WordVectors(spec, frozen=frozen)
        self.dropout = nn.Dropout(dropout)
        self.projection = nn.Linear(WIDTH, dim, bias=False)
        nn.init.orthogonal_(self.projection.weight)

    @classmethod
    def carried_files(cls, options: Mapping[str, object], /) -> Sequence[CarriedFile]:
        """The vectors of the package."""
        return (PRETRAINED["wordllama"].weights,)

    def forward(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures:
        lengths = lengths.to(tokens.device).clamp(min=1)
        padding = torch.arange(tokens.shape[1], device=tokens.device) >= lengths[:, None]
        projected: Tensor = self.projection(self.dropout(self.vectors(tokens)))
        words: Float[Tensor, "b l d"] = projected.masked_fill(padding[:, :, None], 0)
        return TextFeatures(
            words=words.transpose(1, 2).contiguous(),
            sentence=words.sum(dim=1) / lengths[:, None],
            padding=padding,
        )


class WordVectorBiLSTM(nn.Module):
    """Reads pretrained vectors of a caption forwards and backwards, as AttnGAN's text encoder reads words.

    Word t is the two hidden states at t, concatenated (Xu et al., 2018, section 3.2). Words are 0 at padding.
    Needs the tokenizer `wordllama`, and a matching phase to train the LSTM.

    Args:
        dim: Width of word and sentence vectors, half of it for each direction.
        frozen: Keep the vectors; otherwise a matching phase fine-tunes them, those of words that occur.
        dropout: Dropout probability of the vectors' values.
        sentence: `last` takes the two last hidden states, as the paper does; `mean` takes the mean of the
            words, which retains more of a long caption and learns in fewer steps.

    Raises:
        RecipeError: The package `wordllama` is not installed, or the tokenizer has another vocabulary.
    """

    def __init__(
        self,
        spec: TextSpec,
        *,
        dim: EvenWidth = 256,
        frozen: bool = True,
        dropout: ShareBelowOne = 0.2,
        sentence: Literal["last", "mean"] = "mean",
    ) -> None:
        super().__init__()
        self.dim = dim
        self.sentence = sentence
        self.vectors = WordVectors(spec, frozen=frozen)
        self.dropout = nn.Dropout(dropout)
        self.forwards = nn.LSTM(WIDTH, dim // 2, batch_first=True)
        self.backwards = nn.LSTM(WIDTH, dim // 2, batch_first=True)

    @classmethod
    def carried_files(cls, options: Mapping[str, object], /) -> Sequence[CarriedFile]:
        """The vectors of the package."""
        return (PRETRAINED["wordllama"].weights,)

    def forward(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures:
        lengths = lengths.to(tokens.device).clamp(min=1)
        positions = torch.arange(tokens.shape[1], device=tokens.device)[None]
        padding = positions >= lengths[:, None]
        # each direction reaches the padding last, so that nothing depends on it
        reverse = torch.where(padding, positions, lengths[:, None] - 1 - positions)
        embedded = self.dropout(self.vectors(tokens))
        with without_autocast(tokens.device):  # a rounded state would be rounded again at every word
            embedded = embedded.float()
            ahead, _ = self.forwards(embedded)
            behind, _ = self.backwards(_rearranged(embedded, reverse))
        words = torch.cat((ahead, _rearranged(behind, reverse)), dim=2).masked_fill(padding[:, :, None], 0)
        last = _rearranged(torch.cat((ahead, behind), dim=2), lengths[:, None] - 1)[:, 0]
        return TextFeatures(
            words=words.transpose(1, 2).contiguous(),
            sentence=words.sum(dim=1) / lengths[:, None] if self.sentence == "mean" else last,
            padding=padding,
        )


def _rearranged(rows: Float[Tensor, "b l d"], places: Int[Tensor, "b k"]) -> Float[Tensor, "b k d"]:
    """The rows at some places of each caption."""
    return rows.gather(1, places[:, :, None].expand(-1, -1, rows.shape[2]))
