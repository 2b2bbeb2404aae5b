"""Text and image encoders that break what their kinds promise."""

from __future__ import annotations

from dataclasses import replace

import torch
from broken.mutant import Mutant
from torch import Tensor

from attnforge.interfaces import ImageFeatures, TextFeatures
from attnforge.specs import ImageSpec, TextSpec
from attnforge.testing.examples.images import ExampleImageEncoder
from attnforge.testing.examples.texts import ExampleTextEncoder


class TextEncoder(ExampleTextEncoder):
    """The example without options."""

    def __init__(self, spec: TextSpec) -> None:
        super().__init__(spec)


class SaysItIsWider(TextEncoder):
    """Says that its vectors are wider than they are."""

    def __init__(self, spec: TextSpec) -> None:
        super().__init__(spec)
        self.dim += 1


class MaskOfWords(TextEncoder):
    """Says where words are instead of where none is."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        text = super().forward(tokens, lengths)
        return replace(text, padding=~text.padding)


class ReadsPaddedIds(TextEncoder):
    """Counts on padded slots holding the id 0."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        text = super().forward(tokens, lengths)
        read = (self.embedding(tokens) * (tokens != 0)[:, :, None]).sum(dim=1)
        return replace(text, sentence=text.sentence + read)


class CutsToTheLongest(TextEncoder):
    """Gives as many words as the longest caption has, however wide the batch is."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        text = super().forward(tokens, lengths)
        longest = int(lengths.max())
        return replace(text, words=text.words[:, :, :longest], padding=text.padding[:, :longest])


class ReadsTheBatch(TextEncoder):
    """Takes the mean of the batch away from every sentence."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        text = super().forward(tokens, lengths)
        return replace(text, sentence=text.sentence - text.sentence.mean(dim=0))


class ChokesOnAnId(TextEncoder):
    """Gives infinite vectors where a word has the id 0."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        text = super().forward(tokens, lengths)
        odd = (tokens == 0) & ~text.padding
        return replace(text, words=text.words.masked_fill(odd[:, None], torch.inf))


class OneSentenceForAll(TextEncoder):
    """Gives the same sentence for every caption."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        text = super().forward(tokens, lengths)
        return replace(text, sentence=0 * text.sentence)


class OfItsOwnWidth(ExampleImageEncoder):
    """Gives vectors of another width than that of the texts."""

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__(replace(spec, dim=spec.dim + 1))


class OneSizeOnly(ExampleImageEncoder):
    """Reads images of a single size."""

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__(spec)
        self.size = spec.image_size

    def forward(self, images: Tensor) -> ImageFeatures:
        if images.shape[-1] != self.size:
            raise ValueError(f"images of {self.size} pixels only")
        return super().forward(images)


class DividesByContrast(ExampleImageEncoder):
    """Divides by the spread of an image's levels, which may be none."""

    def forward(self, images: Tensor) -> ImageFeatures:
        return super().forward(images / images.square().sum(dim=(1, 2, 3), keepdim=True).sqrt())


class LooksAtTheBatch(ExampleImageEncoder):
    """Takes the mean of the batch away from every image."""

    def forward(self, images: Tensor) -> ImageFeatures:
        return super().forward(images - images.mean(dim=0))


class BlindToBrightness(ExampleImageEncoder):
    """Cannot tell an image from its negative."""

    def forward(self, images: Tensor) -> ImageFeatures:
        return super().forward(images.square())


class LetsNoGradientThrough(ExampleImageEncoder):
    """Cuts the graph before it looks."""

    def forward(self, images: Tensor) -> ImageFeatures:
        return super().forward(images.detach())


MUTANTS = (
    Mutant("shapes", "text-encoder", SaysItIsWider),
    Mutant("padding_mask", "text-encoder", MaskOfWords),
    Mutant("padded_tokens_have_no_influence", "text-encoder", ReadsPaddedIds),
    Mutant("longer_padding_changes_nothing", "text-encoder", CutsToTheLongest),
    Mutant("each_caption_alone_as_in_a_batch", "text-encoder", ReadsTheBatch),
    Mutant("every_id_is_read", "text-encoder", ChokesOnAnId),
    Mutant("words_matter", "text-encoder", OneSentenceForAll),
    Mutant("shapes", "image-encoder", OfItsOwnWidth),
    Mutant("several_sizes", "image-encoder", OneSizeOnly),
    Mutant(
        "plain_images",
        "image-encoder",
        DividesByContrast,
        also={"finite_gradients": "images of zeros are plain images"},
    ),
    Mutant("each_image_alone_as_in_a_batch", "image-encoder", LooksAtTheBatch),
    Mutant("image_matters", "image-encoder", BlindToBrightness),
    Mutant("gradients_reach_the_images", "image-encoder", LetsNoGradientThrough),
)
