"""Text and image encoders that break a promise of their kind."""

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


class DeclaresAnotherWidth(TextEncoder):
    """Declares a larger `dim` than its vectors have."""

    def __init__(self, spec: TextSpec) -> None:
        super().__init__(spec)
        self.dim += 1


class MaskOfWords(TextEncoder):
    """Returns a mask of words instead of padding."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        text = super().forward(tokens, lengths)
        return replace(text, padding=~text.padding)


class ReadsPaddedIds(TextEncoder):
    """Relies on padded ids being 0."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        text = super().forward(tokens, lengths)
        read = (self.embedding(tokens) * (tokens != 0)[:, :, None]).sum(dim=1)
        return replace(text, sentence=text.sentence + read)


class CropsToTheLongest(TextEncoder):
    """Returns as many words as the longest caption has, whatever the number of columns."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        text = super().forward(tokens, lengths)
        longest = int(lengths.max())
        return replace(text, words=text.words[:, :, :longest], padding=text.padding[:, :longest])


class SubtractsBatchMean(TextEncoder):
    """Subtracts the mean of the batch from every sentence."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        text = super().forward(tokens, lengths)
        return replace(text, sentence=text.sentence - text.sentence.mean(dim=0))


class FailsOnAnId(TextEncoder):
    """Returns infinite vectors for words with the id 0."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        text = super().forward(tokens, lengths)
        zeros = (tokens == 0) & ~text.padding
        return replace(text, words=text.words.masked_fill(zeros[:, None], torch.inf))


class OneSentenceForAll(TextEncoder):
    """Returns the same sentence for every caption."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        text = super().forward(tokens, lengths)
        return replace(text, sentence=0 * text.sentence)


class OfItsOwnWidth(ExampleImageEncoder):
    """Returns vectors of another width than the spec's `dim`."""

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__(replace(spec, dim=spec.dim + 1))


class OneSizeOnly(ExampleImageEncoder):
    """Accepts images of a single size."""

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__(spec)
        self.size = spec.image_size

    def forward(self, images: Tensor) -> ImageFeatures:
        if images.shape[-1] != self.size:
            raise ValueError(f"images of {self.size} pixels only")
        return super().forward(images)


class DividesByContrast(ExampleImageEncoder):
    """Divides by the norm of an image, which may be zero."""

    def forward(self, images: Tensor) -> ImageFeatures:
        return super().forward(images / images.square().sum(dim=(1, 2, 3), keepdim=True).sqrt())


class SubtractsBatchMeanOfImages(ExampleImageEncoder):
    """Subtracts the mean of the batch from every image."""

    def forward(self, images: Tensor) -> ImageFeatures:
        return super().forward(images - images.mean(dim=0))


class IgnoresSign(ExampleImageEncoder):
    """Cannot tell an image from its negative."""

    def forward(self, images: Tensor) -> ImageFeatures:
        return super().forward(images.square())


class CutsTheGraph(ExampleImageEncoder):
    """Detaches the images."""

    def forward(self, images: Tensor) -> ImageFeatures:
        return super().forward(images.detach())


MUTANTS = (
    Mutant("shapes", "text-encoder", DeclaresAnotherWidth),
    Mutant("padding_mask", "text-encoder", MaskOfWords),
    Mutant("padded_tokens_are_ignored", "text-encoder", ReadsPaddedIds),
    Mutant("extra_padding_is_ignored", "text-encoder", CropsToTheLongest),
    Mutant("batch_invariance", "text-encoder", SubtractsBatchMean),
    Mutant("accepts_every_token_id", "text-encoder", FailsOnAnId),
    Mutant("depends_on_words", "text-encoder", OneSentenceForAll),
    Mutant("shapes", "image-encoder", OfItsOwnWidth),
    Mutant("other_image_sizes", "image-encoder", OneSizeOnly),
    Mutant(
        "constant_images",
        "image-encoder",
        DividesByContrast,
        also={"finite_gradients": "images of zeros are constant"},
    ),
    Mutant("batch_invariance", "image-encoder", SubtractsBatchMeanOfImages),
    Mutant("depends_on_image", "image-encoder", IgnoresSign),
    Mutant("gradients_reach_the_images", "image-encoder", CutsTheGraph),
)
