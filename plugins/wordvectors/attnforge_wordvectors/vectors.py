"""Pretrained word vectors in place of an embedding that is learned from the captions."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor, nn

from attnforge.adversarial.frozen import Frozen
from attnforge.errors import Problem, RecipeError
from attnforge.specs import TextSpec

from .packages import PRETRAINED

WIDTH = 256
"""Numbers a vector has."""
TABLE = "embedding.weight"
"""The tensor of the package."""


class WordVectors(nn.Module):
    """The vectors of the package `wordllama`, shifted and scaled to mean 0 and variance 1.

    Frozen vectors are no weights of the model: checkpoints do not have them, and the package is needed where
    the model is built. Does not read them on the meta device.

    Args:
        frozen: Keep the vectors as they are; otherwise they are trained and saved as any embedding.

    Raises:
        RecipeError: The package is not installed, or the tokenizer has another vocabulary.
    """

    def __init__(self, spec: TextSpec, *, frozen: bool) -> None:
        super().__init__()
        pretrained = PRETRAINED["wordllama"]
        table = nn.Embedding(spec.vocabulary_size, WIDTH)
        if table.weight.is_meta:
            pretrained.weights.path()
        else:
            vectors = pretrained.state()[TABLE].float()
            if vectors.shape != table.weight.shape:
                message = (
                    f"the tokenizer has {spec.vocabulary_size} ids, and wordllama {len(vectors)} vectors"
                )
                raise RecipeError(Problem("vectors-vocabulary", message, expected="tokenizer=wordllama"))
            vectors -= vectors.mean(dim=0)
            table.weight.data.copy_(vectors / vectors.std())
        self.table: nn.Module = Frozen(table) if frozen else table

    def forward(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l 256"]:
        vectors: Tensor = self.table(tokens)
        return vectors
