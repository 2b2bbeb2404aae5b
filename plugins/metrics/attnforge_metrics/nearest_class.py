"""Nearest class: whether a generated image looks like training images of the class that was asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from attnforge.errors import Problem, RecipeError
from attnforge.evaluate.least import too_few
from attnforge.interfaces import Build, FeatureNetwork
from attnforge.optional import Better
from attnforge.specs import MetricSpec

from .manifold import CHUNK, squared_distances
from .of_features import OfFeatures


class NearestClass(OfFeatures):
    """Share of generated images whose nearest training image is of the class of their caption.

    The nearest training image is found by features: those of a network without colours, `grey: true`, ask
    for shapes alone. It sees what R-precision by encoders that training used does not: whether an image
    looks like what it should show to something that has nothing to do with the run. The value is the mean of
    the shares of all classes that captions ask for, since frequent classes would hide the others; the share
    by image follows, and the same two of real test images, which a generator hardly exceeds, and of images
    that are drawn from the training images at random. Classes are those of the data set, `class_id` in a
    folder.

    Args:
        network: The network of the features.

    Raises:
        RecipeError: There are no real images.
    """

    better: ClassVar[Better] = "higher"

    def __init__(self, spec: MetricSpec, *, network: Build[FeatureNetwork]) -> None:
        super().__init__(spec, network=network)
        if spec.data is None:
            message = "`nearest-class` compares images with the classes of real ones, and there is no data"
            raise RecipeError(Problem("no-reference", message, expected="`--protocol` with data"))
        self.name = f"nearest class ({self.features.label})"
        self.asked: dict[str, set[int]] = defaultdict(set)
        for index in range(len(spec.data)):
            for caption in spec.data.captions(index):
                self.asked[caption].add(spec.data.class_id(index))
        self.test_classes = [{spec.data.class_id(index)} for index in range(len(spec.data))]

    def compute(self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]) -> dict[str, Any]:
        """The mean over classes and the share by image; of generated and real images, and by chance."""
        features = rows[self.features.features_row]
        training, sizes = self._training()
        if max(sizes.values()) < 2:
            return {f"{self.name} withheld": "no class has two training images"}
        if reason := too_few(len(features)):
            return {f"{self.name} withheld": reason}
        asked = [self.asked[caption] for caption in captions]
        generated = _Shares.of(_hits(features, training, self.features.of_data("train"), asked), asked)
        real = self.features.of_data("test")
        ceiling = _Shares.of(
            _hits(real, training, self.features.of_data("train"), self.test_classes), self.test_classes
        )
        chances = torch.tensor(
            [sum(sizes[class_id] for class_id in classes) / len(training) for classes in asked]
        )
        chance = _Shares.of(chances, asked)
        return {
            self.name: generated.by_class,
            f"{self.name} by image": generated.by_image,
            f"{self.name} chance": chance.by_class,
            f"{self.name} by image chance": chance.by_image,
            f"{self.name} real images": ceiling.by_class,
            f"{self.name} by image real images": ceiling.by_image,
        }

    def per_image(
        self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]
    ) -> dict[str, Float[Tensor, "n 2"]]:
        """Whether each image is of its class, weighted so that all classes count alike."""
        training, sizes = self._training()
        if max(sizes.values()) < 2:
            return {}
        asked = [self.asked[caption] for caption in captions]
        hits = _hits(rows[self.features.features_row], training, self.features.of_data("train"), asked)
        weights = _weights(asked)
        return {
            self.name: torch.stack((hits.double() * weights, weights), dim=1),
            f"{self.name} by image": torch.stack((hits.double(), torch.ones_like(weights)), dim=1),
        }

    def _training(self) -> tuple[Int[Tensor, "m"], Counter[int]]:
        """The class of each training image, and the number of images of each class."""
        classes = self.features.classes_of_data("train")
        return classes, Counter(classes.tolist())


class _Shares:
    """A share of images, by class and by image."""

    def __init__(self, by_class: float, by_image: float) -> None:
        self.by_class = by_class
        self.by_image = by_image

    @classmethod
    def of(cls, hits: Tensor, asked: Sequence[Set[int]]) -> _Shares:
        weights = _weights(asked)
        values = hits.double()
        return cls(float((values * weights).sum() / weights.sum()), float(values.mean()))


def _weights(asked: Sequence[Set[int]]) -> Float[Tensor, "n"]:
    """One over the number of images of the same classes, so that the weights of each class add up to 1."""
    groups = [frozenset(classes) for classes in asked]
    sizes = Counter(groups)
    return torch.tensor([1 / sizes[group] for group in groups], dtype=torch.double)


def _hits(
    features: Float[Tensor, "n d"],
    classes: Int[Tensor, "m"],
    training: Float[Tensor, "m d"],
    asked: Sequence[Set[int]],
) -> Bool[Tensor, "n"]:
    """Whether the nearest training image of each image is of a class that was asked for.

    Args:
        features: Features of the images.
        classes: The class of each training image.
        training: Their features.
        asked: The classes that each image may have.
    """
    nearest = classes[nearest_rows(features, training)].tolist()
    return torch.tensor([own in classes_of for own, classes_of in zip(nearest, asked, strict=True)])


def nearest_rows(features: Float[Tensor, "n d"], others: Float[Tensor, "m d"]) -> Int[Tensor, "n"]:
    """The row of the nearest of other features, by Euclidean distance."""
    mean = others.mean(dim=0)  # differences of large numbers would lose digits
    centred = others - mean
    parts = [squared_distances(chunk - mean, centred).argmin(dim=1) for chunk in torch.split(features, CHUNK)]
    return torch.cat(parts)
