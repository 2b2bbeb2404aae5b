"""What the plugin of common parts declares; data only, so that listing it imports no torch."""

from __future__ import annotations

from attnforge.plugin import Component, hookimpl

_PACKAGE = "attnforge_gan"


@hookimpl
def attnforge_components() -> list[Component]:
    """The parts of the adversarial game that no family owns."""
    return [
        Component(
            "conditioner",
            "augmentation",
            f"{_PACKAGE}.conditioning:Augmentation",
            "a Gaussian around the sentence",
        ),
        Component(
            "conditioner",
            "sentence",
            f"{_PACKAGE}.conditioning:Sentence",
            "the sentence itself, without noise",
        ),
        Component(
            "conditioner",
            "memory",
            f"{_PACKAGE}.memory:Memory",
            "the sentence, and what a memory of captions holds for those that resemble it",
        ),
        Component(
            "conditioner",
            "none",
            f"{_PACKAGE}.conditioning:NoCondition",
            "nothing: images of noise alone, without captions",
        ),
        Component(
            "discriminator",
            "joint",
            f"{_PACKAGE}.discriminator:JointDiscriminator",
            "scores images with and without the sentence",
            2,
            f"{_PACKAGE}.migrations:JOINT",
        ),
        Component(
            "discriminator",
            "projection",
            f"{_PACKAGE}.projection:ProjectionDiscriminator",
            "compares image and sentence by a scalar product",
            2,
            f"{_PACKAGE}.migrations:PROJECTION",
        ),
        Component(
            "discriminator",
            "diff-augment",
            f"{_PACKAGE}.augmented:AugmentedDiscriminator",
            "another discriminator that sees augmented images only",
        ),
        Component(
            "discriminator",
            "adaptive-augment",
            f"{_PACKAGE}.adaptive:AdaptiveDiscriminator",
            "another discriminator that sees images augmented as often as it overfits",
        ),
        Component(
            "loss", "bce", f"{_PACKAGE}.losses:BinaryCrossEntropyLoss", "cross entropy adversarial loss"
        ),
        Component("loss", "hinge", f"{_PACKAGE}.losses:HingeLoss", "hinge adversarial loss"),
        Component(
            "loss",
            "kl",
            f"{_PACKAGE}.divergence:ConditioningLoss",
            "keeps the condition near a unit Gaussian",
        ),
        Component(
            "loss",
            "mode-seeking",
            f"{_PACKAGE}.mode_seeking:ModeSeekingLoss",
            "images of a caption differ as their noise does",
        ),
        Component(
            "loss",
            "minibatch-deviation",
            f"{_PACKAGE}.minibatch_deviation:MinibatchDeviationLoss",
            "images of a caption differ as much as real ones, by the discriminators' features",
        ),
        Component(
            "loss",
            "packed",
            f"{_PACKAGE}.packed:PackedLoss",
            "classifies several images of a caption side by side, so that they differ as real ones do",
        ),
        Component(
            "loss",
            "pixels",
            f"{_PACKAGE}.pixels:PixelLoss",
            "pulls each image towards the real one of its caption",
        ),
        Component(
            "loss",
            "drifting",
            f"{_PACKAGE}.drifting:DriftingLoss",
            "images move towards real ones of their caption and away from one another",
        ),
        Component(
            "loss",
            "frechet",
            f"{_PACKAGE}.frechet:FrechetLoss",
            "the Frechet distance of generated and real images on frozen features",
        ),
        Component(
            "sampler", "noise", "attnforge.sampling.noise:NoiseSampler", "Gaussian noise, truncated or not"
        ),
        Component(
            "sampler", "best-of", "attnforge.sampling.best:BestOf", "the best of several images for a scorer"
        ),
        Component(
            "task",
            "gan",
            "attnforge.adversarial.task:AdversarialTask",
            "trains the generator against its discriminators",
            2,
            f"{_PACKAGE}.migrations:GAN",
        ),
        Component(
            "task",
            "reconstruction",
            f"{_PACKAGE}.reconstruction:ReconstructionTask",
            "trains the generator on the real image of each caption, before the adversarial phase",
        ),
    ]
