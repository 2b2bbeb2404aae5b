"""What metrics of a feature network share."""

from __future__ import annotations

from attnforge.interfaces import Build, Extractor, FeatureNetwork
from attnforge.specs import MetricSpec


class OfFeatures:
    """A metric that compares the features of generated images with those of real ones.

    Args:
        network: The network of the features.
    """

    def __init__(self, spec: MetricSpec, *, network: Build[FeatureNetwork]) -> None:
        self.features = spec.features(network)

    @property
    def needs_real_images(self) -> bool:
        """Whether there must be real images."""
        return True

    def extractors(self) -> dict[str, Extractor]:
        """The features."""
        return self.features.extractors()
