"""A discriminator that sees augmented images only."""

from __future__ import annotations

from typing import cast

from jaxtyping import Float, Int
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Build, Discriminator, Prompt
from attnforge.optional import ScoresPairs, SeesImagesAlone
from attnforge.ranges import Share
from attnforge.specs import DiscriminatorSpec

from .augmentation import Augmentation, Operations


class AugmentedDiscriminator(nn.Module):
    """Augments real and generated images before another discriminator sees them.

    With few images a discriminator remembers them, and its gradient no longer shows the generator what is
    real. DiffAugment (Zhao et al., 2020) changes real and generated images by the same random operations,
    through which gradients pass, in the steps of both networks: images are compared only after the change, so
    that generated ones are not to look changed. Operations that would make a caption false are missing or
    must be chosen: `brightness` and `contrast`, where captions name black, white or grey, and `mirror`, where
    they name a side.

    In evaluation mode nothing is changed. Gradient penalties are taken with respect to the images as they
    were.

    Args:
        of: The discriminator.
        operations: What is done, in this order: `brightness`, `contrast`, `translation`, `cutout`, `mirror`.
        probability: How often each is done to an image: always, as in DiffAugment, or in a share of cases;
            `adaptive-augment` adapts it.

    Raises:
        RecipeError: `of` is no torch module.
    """

    def __init__(
        self,
        spec: DiscriminatorSpec,
        *,
        of: Build[Discriminator],
        operations: Operations = ("translation", "cutout"),
        probability: Share = 1.0,
    ) -> None:
        super().__init__()
        network = of(spec)
        if not isinstance(network, nn.Module):
            message = (
                f"the discriminator {type(network).__name__} is not a torch.nn.Module, so its weights would "
                "not be trained"
            )
            raise RecipeError(
                Problem("not-a-module", message, expected="a class that extends torch.nn.Module")
            )
        self.of = network
        self.operations = operations
        self.probability = probability
        self.unconditional = network.unconditional

    @property
    def network(self) -> Discriminator:
        """The discriminator of augmented images."""
        return cast("Discriminator", self.of)

    @property
    def sees_images_alone(self) -> bool:
        """Whether the discriminator of augmented images does."""
        return isinstance(self.network, SeesImagesAlone) and self.network.sees_images_alone

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c i j"]:
        """The features of the augmented images; in evaluation mode, of the images."""
        return self.network.features(self._augmentation(images)(images))

    def features_alike(
        self, first: Float[Tensor, "b 3 h w"], second: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b c i j"], Float[Tensor, "b c i j"]]:
        """The features of two batches whose images are augmented alike, row by row."""
        augmentation = self._augmentation(first)
        return self.network.features(augmentation(first)), self.network.features(augmentation(second))

    def logits(self, features: Float[Tensor, "b c h w"], prompt: Prompt | None) -> Float[Tensor, "b *_"]:
        """Those of the discriminator."""
        return self.network.logits(features, prompt)

    def pair_logits(
        self,
        features: Float[Tensor, "b c h w"],
        prompt: Prompt,
        *,
        images: Int[Tensor, "k"],
        captions: Int[Tensor, "k"],
    ) -> Float[Tensor, "k *_"]:
        """Those of the discriminator, in less work where it can.

        Args:
            features: The features of b images.
            prompt: Any number of captions.
            images: The image of each pair, as a row of the features.
            captions: Its caption, as a row of the prompt.
        """
        network = self.network
        if isinstance(network, ScoresPairs):
            return network.pair_logits(features, prompt, images=images, captions=captions)
        return network.logits(features[images], prompt.rows(captions))

    def _augmentation(self, images: Float[Tensor, "b 3 h w"]) -> Augmentation:
        operations = self.operations if self.training else ()
        return Augmentation.draw(images, operations=operations, probability=self._probability())

    def _probability(self) -> float | Float[Tensor, ""]:
        """How often each operation is done to an image now."""
        return self.probability
