"""What a discriminator promises: logits of every image, with a prompt and, unless it is one-way, without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from attnforge.errors import AttnforgeError
from attnforge.optional import SeesImagesAlone
from attnforge.testing.expect import assert_close, require
from attnforge.testing.networks import WITH_PROMPT, call_seeded, in_eval_mode, inputs_for, perturbed, rows
from attnforge.testing.subject import Subject

KIND = "discriminator"


def shapes(subject: Subject) -> None:
    """Features are b c h w; logits are b, or b and more for patches; vectors of `embed` have width d."""
    network = in_eval_mode(subject.build())
    outputs = call_seeded(KIND, network, inputs_for(subject, network))
    features = list(outputs["features"].shape)
    require(
        len(features) == 4 and features[0] == 3,
        f"features of 3 images have shape {features}, expected [3, c, h, w]",
    )
    shapes = {name: list(outputs[name].shape) for name in _logits(network)}
    for name, shape in shapes.items():
        require(bool(shape) and shape[0] == 3, f"{name} of 3 images have shape {shape}, expected [3, ...]")
        first = shapes[WITH_PROMPT]
        require(shape == first, f"{name} have shape {shape}, and {WITH_PROMPT} have {first}")
    width = subject.spec().sentence
    for name, axes in (("regions", 4), ("image", 2)):
        if name in outputs:
            shape = list(outputs[name].shape)
            right = len(shape) == axes and shape[:2] == [3, width]
            expected = f"{axes} axes, of which the first are {[3, width]}"
            require(right, f"`embed` gives {name} of shape {shape}, expected {expected}")


def unconditional(subject: Subject) -> None:
    """`unconditional` is true if it has logits without a prompt; otherwise they are an AttnforgeError."""
    network = in_eval_mode(subject.build())
    declared = network.unconditional
    require(isinstance(declared, bool), f"`unconditional` is a {type(declared).__name__}, not a bool")
    if network.unconditional:
        return
    features = network.features(inputs_for(subject, network)["images"])
    try:
        network.logits(features, None)
    except AttnforgeError:
        return
    raise AssertionError("a one-way discriminator returns logits without a prompt")


def batch_invariance(subject: Subject) -> None:
    """In evaluation mode an image gets the same logits alone as in a batch."""
    network = in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        together = call_seeded(KIND, network, inputs)
        for index in range(len(inputs["images"])):
            row = slice(index, index + 1)
            for name, alone in call_seeded(KIND, network, rows(inputs, row)).items():
                assert_close(alone, together[name][row], f"{name} of image {index} alone")


def sees_images_alone(subject: Subject) -> None:
    """Where it says that it sees images alone, features of an image depend on no other, in training too."""
    network = subject.build()
    if not (isinstance(network, SeesImagesAlone) and network.sees_images_alone):
        return
    inputs = inputs_for(subject, network)
    images = inputs["images"].requires_grad_()
    features = call_seeded(KIND, network, inputs)["features"]
    (gradient,) = torch.autograd.grad(features[0].square().sum(), images)
    require(
        not bool(gradient[1:].any()),
        "`sees_images_alone` is true, and in training the features of an image depend on the others",
    )


def depends_on_sentence(subject: Subject) -> None:
    """The logits with a prompt depend on its caption, once weights have changed."""
    network = in_eval_mode(perturbed(subject.build()))
    inputs = inputs_for(subject, network)
    names = ("words", "sentence", "condition mean")
    other = {name: value.flip(0) + 1 if name in names else value for name, value in inputs.items()}
    with torch.no_grad():
        first, second = call_seeded(KIND, network, inputs), call_seeded(KIND, network, other)
    changed = not torch.equal(first[WITH_PROMPT], second[WITH_PROMPT])
    require(changed, f"{WITH_PROMPT} are the same for every caption")


def depends_on_image(subject: Subject) -> None:
    """The logits depend on the image, with a prompt and without, once weights have changed."""
    network = in_eval_mode(perturbed(subject.build()))
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        first = call_seeded(KIND, network, inputs)
        second = call_seeded(KIND, network, {**inputs, "images": -inputs["images"]})
    for name in _logits(network):
        require(not torch.equal(first[name], second[name]), f"{name} are the same for different images")


def gradients_reach_the_images(subject: Subject) -> None:
    """The logits, once weights have changed, have gradients from which the generator learns."""
    for name in _logits(subject.build()):
        network = perturbed(subject.build())
        inputs = inputs_for(subject, network)
        inputs["images"].requires_grad_()
        logits = call_seeded(KIND, network, inputs)[name]
        (logits.reshape(len(logits), -1).sum(dim=1) * torch.arange(1, len(logits) + 1)).sum().backward()  # type: ignore[no-untyped-call]
        gradient = inputs["images"].grad
        require(
            gradient is not None and bool(gradient.any()),
            f"the gradient of the {name} with respect to the images is zero",
        )


def _logits(network: Any) -> tuple[str, ...]:
    """The names of its logits."""
    return ("logits", WITH_PROMPT) if network.unconditional else (WITH_PROMPT,)


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    unconditional,
    batch_invariance,
    sees_images_alone,
    depends_on_sentence,
    depends_on_image,
    gradients_reach_the_images,
)
