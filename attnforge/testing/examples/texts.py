"""Small components for text: a tokenizer, a text encoder and a data set with captions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import Annotated, Any

import torch
from jaxtyping import Int
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import Problem, RunError
from attnforge.interfaces import Sample, TextFeatures
from attnforge.specs import DataSpec, TextSpec

COLOURS = ("black", "white", "red", "green", "blue", "yellow")
PLACES = ("left", "right", "top", "bottom")


class ExampleTokenizer:
    """Lower-case words separated by spaces; id 0 is padding, and words follow in alphabetical order.

    Args:
        max_letters: Longer words are cut to this many letters.
    """

    def __init__(self, *, max_letters: Annotated[int, Field(ge=1)] = 20) -> None:
        self.max_letters = max_letters
        self._ids: dict[str, int] = {}

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are, padding included."""
        return len(self._ids) + 1

    @property
    def fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the words in order."""
        return hashlib.sha256(repr([self.max_letters, *self._ids]).encode()).hexdigest()[:12]

    def fit(self, captions: Sequence[str]) -> None:
        """Take every word of the captions into the vocabulary."""
        self._assign_ids(sorted({word for caption in captions for word in self._split(caption)}))

    def tokens(self, caption: str) -> list[str]:
        """The known words of a caption."""
        return [word for word in self._split(caption) if word in self._ids]

    def encode(self, caption: str) -> list[int]:
        """The ids of the known words."""
        return [self._ids[word] for word in self.tokens(caption)]

    def unknown(self, caption: str) -> list[str]:
        """The words that are not known."""
        return [word for word in self._split(caption) if word not in self._ids]

    def state(self) -> dict[str, Any]:
        """The words in the order of their ids."""
        return {"max_letters": self.max_letters, "words": list(self._ids)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Load the words of another tokenizer.

        Raises:
            RunError: The state is not that of an example tokenizer.
        """
        words, max_letters = state.get("words"), state.get("max_letters")
        if not isinstance(words, list) or not isinstance(max_letters, int):
            message = "the stored vocabulary is not that of the example tokenizer"
            raise RunError(Problem("vocabulary-state", message, expected="a list of words under `words`"))
        self.max_letters = max_letters
        self._assign_ids(words)

    def _assign_ids(self, words: Sequence[str]) -> None:
        self._ids = {word: index for index, word in enumerate(words, start=1)}

    def _split(self, caption: str) -> list[str]:
        return [word[: self.max_letters] for word in caption.lower().split()]


class ExampleTextEncoder(nn.Module):
    """One vector per word, from an embedding and a linear layer; the sentence is their mean.

    Args:
        dim: Width of word and sentence vectors.
    """

    def __init__(self, spec: TextSpec, *, dim: Annotated[int, Field(ge=1)] = 6) -> None:
        super().__init__()
        self.dim = dim
        self.embedding = nn.Embedding(spec.vocabulary_size, dim)
        self.layer = nn.Linear(dim, dim)

    def forward(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures:
        lengths = lengths.clamp(min=1)
        padding = torch.arange(tokens.shape[1], device=tokens.device) >= lengths[:, None]
        words = self.layer(self.embedding(tokens)).tanh().masked_fill(padding[:, :, None], 0.0)
        sentence = words.sum(dim=1) / lengths[:, None]
        return TextFeatures(words=words.transpose(1, 2), sentence=sentence, padding=padding)


class ExampleDataset:
    """Images of one colour with a spot of another, with two captions each that name both colours.

    Args:
        count: How many images each split has.
    """

    def __init__(self, spec: DataSpec, *, count: Annotated[int, Field(ge=1)] = 12) -> None:
        self.spec = spec
        self.count = count

    def __len__(self) -> int:
        return self.count

    def captions(self, index: int) -> Sequence[str]:
        """The two captions of image `index`."""
        background, spot, place = self._describe(index)
        return (f"a {spot} spot on {background}", f"{background} with a {spot} spot at the {place}")

    def class_id(self, index: int) -> int:
        """The colour of the spot."""
        return COLOURS.index(self._describe(index)[1])

    def sample(self, index: int, *, seed: int) -> Sample:
        """Image `index` with one of its captions and a brightness, both chosen by the seed."""
        random = Random(seed)  # noqa: S311 - not a secret
        background, spot, place = self._describe(index)
        size = self.spec.image_size
        image = torch.empty(3, size, size, dtype=torch.uint8)
        image[:] = _levels(background)
        rows = slice(0, size // 2) if place in ("top", "left") else slice(size // 2, size)
        image[:, rows, rows] = _levels(spot)
        shade = random.randrange(20)
        return Sample(
            image=(image.int() - shade).clamp(0, 255).to(torch.uint8),
            caption=self.captions(index)[random.randrange(2)],
            class_id=self.class_id(index),
            key=f"{self.spec.split} {index}",
        )

    def _describe(self, index: int) -> tuple[str, str, str]:
        if not 0 <= index < self.count:
            raise IndexError(f"image {index} of {self.count}")
        shift = 1 + (self.spec.split == "test")
        count = len(COLOURS)
        background = COLOURS[index % count]
        return background, COLOURS[(index + shift + index // count) % count], PLACES[index % len(PLACES)]


def _levels(colour: str) -> Tensor:
    number = COLOURS.index(colour)
    return torch.tensor([40 * number, 255 - 40 * number, 90 * number % 256], dtype=torch.uint8)[:, None, None]
