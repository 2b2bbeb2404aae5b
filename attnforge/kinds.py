"""The kinds of components, each in one record, from which everything else about a kind follows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of component that plugins provide and recipes choose from."""

    name: str
    """Its name in commands and declarations, such as `image-encoder`."""
    interface: str
    """The protocol that its components implement, in `attnforge.interfaces`; slots are annotated with it."""
    spec: str | None
    """The dataclass before `*` of their constructors, in `attnforge.specs`; None if they take nothing."""
    summary: str
    """What a component of the kind does, in a few words."""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("tokenizer", "Tokenizer", None, "turns captions into token ids"),
        Kind("text-encoder", "TextEncoder", "TextSpec", "captions to word and sentence vectors"),
        Kind("image-encoder", "ImageEncoder", "ImageSpec", "images to region and image vectors"),
        Kind(
            "conditioner",
            "Conditioner",
            "ConditionerSpec",
            "turns a sentence vector into the generator's condition",
        ),
        Kind("attention", "Attention", "AttentionSpec", "attends from a feature map to words"),
        Kind("stage", "Stage", "StageSpec", "one step of a generator from coarse to fine"),
        Kind("generator", "Generator", "GeneratorSpec", "noise and a prompt to images of several sizes"),
        Kind(
            "discriminator",
            "Discriminator",
            "DiscriminatorSpec",
            "classifies images of one size as real or fake",
        ),
        Kind("loss", "Loss", "LossSpec", "a term of adversarial training"),
        Kind("sampler", "Sampler", "SamplerSpec", "asks a trained generator for images"),
        Kind("scorer", "Scorer", "ScorerSpec", "scores how well images show their captions"),
        Kind("dataset", "Dataset", "DataSpec", "images with captions"),
        Kind("feature-network", "FeatureNetwork", None, "images to the features that metrics compare"),
        Kind("metric", "Metric", "MetricSpec", "scores generated images"),
        Kind("tracker", "Tracker", "TrackerSpec", "logs a run's scalars and images elsewhere"),
        Kind("task", "Task", "TaskSpec", "what is trained, and how to do one step"),
        Kind("kernel", "Kernel", None, "computes an attention operation"),
    )
}
"""Every kind of component, in the order in which commands and pages list them."""
