"""What a part may offer besides the interface of its kind; attnforge uses it where present."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from attnforge.errors import Problem
from attnforge.values import ImageFeatures, Progress, Prompt, TextFeatures

Better = Literal["higher", "lower"]
"""Which values of a metric are better."""


@runtime_checkable
class RenamesOptions(Protocol):
    """A component of which options had other names, or another form, and are refused now.

    Optional; the attribute is on the class. The message about such an option names what replaced it.
    """

    renamed_options: ClassVar[Mapping[str, str]]
    """What to write now, by the former name."""


@runtime_checkable
class KeepsBlanks(Protocol):
    """A tokenizer that may keep the places of unknown tokens, with an id that stands for all of them.

    Optional. The text encoder's spec has the id.
    """

    @property
    def blank(self) -> int | None:
        """The id, in [1, vocabulary_size); None if unknown tokens are skipped."""
        ...


@runtime_checkable
class ExplainsUnknown(Protocol):
    """A tokenizer that can say why it has no id for a caption, where other words than its own would not do.

    Optional; by default the message lists the words that the vocabulary lacks.
    """

    def unknown_caption(self, caption: str) -> Problem:
        """The problem of a caption for which `encode` returns no id."""
        ...


@runtime_checkable
class ListsWords(Protocol):
    """A tokenizer that can list its words, from which the nearest to an unknown one is suggested.

    Optional.
    """

    @property
    def known_words(self) -> Sequence[str]:
        """The words, the most frequent first."""
        ...


@runtime_checkable
class ReadsInPages(Protocol):
    """A tokenizer that also exists in JavaScript, for the pages of `attnforge export web`.

    Optional; without it, a run cannot become such a page.
    """

    def page_tokenizer(self) -> tuple[str, Mapping[str, Any]]:
        """JavaScript that declares `makeTokenizer(data)`, and the data, which are plain JSON.

        `makeTokenizer` returns a function of a caption, which returns the caption's tokens in order, each an
        object `{text, id}`; the id is null for a token that `encode` skips.
        """
        ...


@runtime_checkable
class DistinctClasses(Protocol):
    """A task whose batches have images of different classes, each of a class drawn at random.

    Optional; the attribute is on the class. Training is refused where there are fewer classes than images in
    a batch.
    """

    distinct_classes: ClassVar[bool]
    """Whether batches are made so."""


@runtime_checkable
class AveragesCaptions(Protocol):
    """A task that reads several captions of an image in a step, `batch.other_tokens`, and averages them.

    Optional; the attribute is on the class. For other tasks, `captions` of a phase is refused above 1.
    """

    averages_captions: ClassVar[bool]
    """Whether it does."""


@runtime_checkable
class RegionMatcher(Protocol):
    """A loss or a task that matches words with an image's regions and can return its attention maps.

    Optional. Where a recipe has one, sheets and reports of its run show these maps for generated images.
    """

    def region_attention(self, text: TextFeatures, image: ImageFeatures) -> Float[Tensor, "b l h w"]:
        """How much each word attends to each region of its image: a word's map sums to 1, padding is 0."""
        ...


@runtime_checkable
class HasExtras(Protocol):
    """A data set whose samples have `extras` besides image and caption, such as a box or key points.

    Optional; the class has the attribute or annotates it. The names and shapes reach generators and
    discriminators in their specs, and are stored in checkpoints; whoever generates images must then give
    these values, too.

    Two names have a meaning that attnforge knows, checks and shows on sheets, in shares of the image: `box`
    is left, top, width and height, or rows of these; `keypoints` are rows of x, y and visible, 1 or 0. See
    `attnforge.data.places`, which also moves them when images are cropped and flipped.
    """

    extras: Mapping[str, tuple[int, ...]]
    """The shape of each, by name."""


@runtime_checkable
class DeclaresExtras(Protocol):
    """A data set whose class knows the shapes of its extras from its options, without reading any file.

    Optional; without it, a recipe whose data set has extras can be checked only where its data are.
    """

    @classmethod
    def declared_extras(cls, options: Mapping[str, object], /) -> Mapping[str, tuple[int, ...]]:
        """The shape of each extra by name, for the options that a recipe sets."""
        ...


@runtime_checkable
class CompletesExtras(Protocol):
    """A generator that generates extras which nobody gives, such as key points for a caption.

    Optional. In evaluation mode, an extra that is not given, or a row of it, is filled with -1; what the
    generator takes instead is in `extras` of its output.
    """

    completed_extras: frozenset[str]
    """Their names."""


@runtime_checkable
class SamplesCondition(Protocol):
    """A generator that samples a condition from the sentence and returns it in its output.

    Optional. The specs of discriminators and losses have its width.
    """

    condition: int
    """Width z of the condition."""


@runtime_checkable
class Embeds(Protocol):
    """A discriminator that also maps its features into the text encoder's space.

    Optional; for word-level and contrastive losses.
    """

    def embed(self, features: Float[Tensor, "b c h w"]) -> ImageFeatures:
        """Regions and image as vectors of the width of words and sentence."""
        ...


@runtime_checkable
class ScoresPairs(Protocol):
    """A discriminator that scores many pairs of few images and captions in less work than pair by pair.

    Optional; a batch of b images has up to b * (b - 1) mismatched pairs.
    """

    def pair_logits(
        self,
        features: Float[Tensor, "b c h w"],
        prompt: Prompt,
        *,
        images: Int[Tensor, "k"],
        captions: Int[Tensor, "k"],
    ) -> Float[Tensor, "k *"]:
        """`logits(features[images], prompt.rows(captions))`, up to rounding.

        Args:
            features: The features of b images.
            prompt: Any number of captions.
            images: The image of each pair, as a row of the features.
            captions: Its caption, as a row of the prompt.
        """
        ...


@runtime_checkable
class SeesImagesAlone(Protocol):
    """A discriminator that may say that an image's features do not depend on the other images of a batch.

    Optional. Real and generated images are then classified in one batch, which takes half as many operations.
    """

    @property
    def sees_images_alone(self) -> bool:
        """True where they depend on the image alone, in training too; False with batch normalisation."""
        ...


@runtime_checkable
class AugmentsAlike(Protocol):
    """A discriminator that changes images at random, and can change two batches alike.

    Optional; a finite difference of two logits would otherwise measure the change.
    """

    def features_alike(
        self, first: Float[Tensor, "b 3 h w"], second: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b c i j"], Float[Tensor, "b c i j"]]:
        """`features` of both batches, whose images are changed alike, row by row."""
        ...


@runtime_checkable
class AdaptsToReal(Protocol):
    """A discriminator that changes with how sure it is of real images, such as one with ADA.

    Optional. Adversarial losses call `adapt` once for each batch that the discriminators learn from.
    """

    def adapt(self, logits: Float[Tensor, "b *"]) -> None:
        """See the logits of real images with their captions; or how far they exceed those of generated ones,
        for a loss that compares."""
        ...


@runtime_checkable
class Mirrors(Protocol):
    """A generator that mirrors half of the images that it samples, and none in training mode.

    Optional. In evaluation mode the images are mirrored left to right where the first number of the noise is
    negative; in training mode that number has no effect. The adversarial task then mirrors real images so
    that all show the same side, which is all that the generator has to learn; see
    `attnforge.adversarial.same_side`.
    """

    mirror: bool
    """Whether it does."""


@runtime_checkable
class Folds(Protocol):
    """A module of a generator with an equivalent that is faster and only for evaluation.

    Optional. Many images are sampled from a copy of the generator in which `folded` replaces each such
    module; inside the replacement, modules are replaced in turn.
    """

    def folded(self) -> nn.Module:
        """A module that computes the same up to rounding, such as with batch normalisation folded in.

        A generator's may return the largest image alone. It may share or take over this module's tensors.
        """
        ...


@runtime_checkable
class Varies(Protocol):
    """A loss whose terms depend on `progress`, such as a penalty that is computed in every fourth step.

    Optional, and needed only for CUDA graphs: one graph is captured for each value that `variant` returns.
    """

    def variant(self, progress: Progress) -> Hashable:
        """What determines which operations the step computes; the same value for equal steps."""
        ...


@runtime_checkable
class Observing(Protocol):
    """A loss with scalars that are not terms of the objective, and are logged under the names that it gives.

    Optional; a discriminator may have some too, whose names get its image size.
    """

    def observed(self) -> Mapping[str, Float[Tensor, ""]]:
        """Scalars of the last step, its backward pass included, on the step's device."""
        ...


@runtime_checkable
class Ranks(Protocol):
    """A metric whose values compare generators: the first that `compute` returns is the one that counts.

    Optional; `training.keep_best` keeps the best checkpoint by such a metric.
    """

    better: ClassVar[Better]
    """Whether `higher` or `lower` values are better."""


@runtime_checkable
class ScoresImages(Protocol):
    """A metric with values that are means over images, such as shares.

    Optional; two systems are then compared image by image, which needs fewer images to find a difference.
    """

    def per_image(
        self, rows: Mapping[str, Shaped[Tensor, "n *row"]], captions: Sequence[str]
    ) -> Mapping[str, Float[Tensor, "n 2"]]:
        """By the names of values: what each image adds to it, and its weight, in double precision.

        A value is the sum of the first over the sum of the second.
        """
        ...


@runtime_checkable
class ComparesRealImages(Protocol):
    """A metric that compares with real images, without which a folder of images may be measured.

    Optional; a folder is then refused before its images are read, instead of where the metric misses them.
    """

    @property
    def needs_real_images(self) -> bool:
        """Whether it does with these options."""
        ...


@runtime_checkable
class FindsImages(Protocol):
    """A data set that knows which of its images a caption describes, whether or not they have it.

    Optional; `images_per_caption` of a phase otherwise finds images that have the very same caption.
    """

    def described(self, caption: str) -> Sequence[int]:
        """The numbers of the images that a caption describes."""
        ...


@runtime_checkable
class MayLackCaptions(Protocol):
    """A data set that says whether its captions describe its images.

    Optional. Without captions it returns the same stand-in caption for every image, and recipes that combine
    it with a component that needs captions are refused.
    """

    captioned: ClassVar[bool]
    """False for images without captions."""


@runtime_checkable
class NeedsCaptions(Protocol):
    """A component that is of no use for images without captions.

    Optional.
    """

    needs_captions: ClassVar[bool]
    """True where it must not be combined with a data set without captions."""


@runtime_checkable
class NeedsStillImages(Protocol):
    """A component that compares each generated image with the real one of its caption, place by place.

    Optional.
    """

    needs_still_images: ClassVar[bool]
    """True where it must not be combined with data whose options `flip` or `crop` move training images."""
