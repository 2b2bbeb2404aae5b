"""Declares this plugin's components: metrics, and feature networks with weights from files."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl

_COMPONENTS = (
    ("feature-network", "inception-v3", "inception:InceptionFeatures", "Inception-v3, weights from a file"),
    ("feature-network", "timm", "timm_folder:TimmFeatures", "a network of timm in a folder, such as DINOv2"),
    ("feature-network", "lpips", "perceptual:PerceptualFeatures", "LPIPS: calibrated layers of AlexNet"),
    ("metric", "frechet-distance", "frechet:FrechetDistance", "distance of two Gaussians: FD, FID"),
    ("metric", "kernel-distance", "kernel:KernelDistance", "distance of means under a cubic kernel: KID"),
    ("metric", "mind", "mind:MonteCarloDistance", "distance along random directions, for few images"),
    ("metric", "precision-recall", "manifold:PrecisionRecall", "precision, recall, density and coverage"),
    ("metric", "caption-diversity", "diversity:CaptionDiversity", "how different images of a caption are"),
    ("metric", "leakage", "leakage:Leakage", "how often images nearly copy training images"),
    ("metric", "nearest-class", "nearest_class:NearestClass", "how often images look like their class"),
    ("metric", "r-precision", "retrieval:RetrievalPrecision", "how often an image finds its own caption"),
    ("metric", "retrieval-recall", "retrieval:RetrievalRecall", "captions and images that find each other"),
)


@hookimpl
def attnforge_components() -> list[Component]:
    """Declare the components."""
    components = [
        Component(kind, name, f"attnforge_metrics.{target}", summary)
        for kind, name, target, summary in _COMPONENTS
    ]
    score = Component(
        "metric",
        "inception-score",
        "attnforge_metrics.class_score:ClassScore",
        "how distinct and varied a classifier finds images",
        2,
        "attnforge_metrics.migrations:CLASS_SCORE",
    )
    return [*components, score]
