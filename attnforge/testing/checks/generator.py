"""What a generator promises: images of the declared sizes in [-1, 1], generated from noise and text."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attnforge.data.places import NOT_GIVEN
from attnforge.optional import CompletesExtras, Mirrors
from attnforge.testing.checks.stage import replace_rest_of_batch
from attnforge.testing.expect import assert_close, require
from attnforge.testing.networks import (
    EXTRA,
    Tensors,
    call_seeded,
    in_eval_mode,
    inputs_for,
    perturbed,
    prompt_of,
)
from attnforge.testing.subject import Subject

KIND = "generator"


def image_sizes(subject: Subject) -> None:
    """`image_sizes` lists the side lengths of the generated images, smallest first."""
    network = in_eval_mode(subject.build())
    declared = tuple(network.image_sizes)
    require(declared == tuple(sorted(set(declared))), f"image_sizes are {declared}, not in ascending order")
    images = _images(call_seeded(KIND, network, inputs_for(subject, network)))
    shapes = [list(image.shape) for image in images.values()]
    expected = [[3, 3, size, size] for size in declared]
    require(shapes == expected, f"3 images of sizes {declared} have shapes {shapes}, expected {expected}")


def images_in_range(subject: Subject) -> None:
    """Images lie in [-1, 1], in both modes and for large noise and text vectors."""
    for mode in ("training", "evaluation"):
        network = subject.build().train(mode == "training")
        inputs = inputs_for(subject, network)
        for scale in (1, 20):
            scaled = {
                name: scale * tensor if tensor.is_floating_point() else tensor
                for name, tensor in inputs.items()
            }
            for name, image in _images(call_seeded(KIND, network, scaled)).items():
                largest = float(image.detach().abs().max())
                require(largest <= 1, f"{name} in {mode} mode has a pixel of absolute value {largest:g}")


def depends_on_noise(subject: Subject) -> None:
    """Images of every size depend on the noise."""
    _require_dependence(subject, "noise")


def depends_on_text(subject: Subject) -> None:
    """Images of every size depend on the caption."""
    _require_dependence(subject, "words", "sentence")


def attention_only_when_requested(subject: Subject) -> None:
    """Attention maps b l h w are returned only when requested; images are the same either way."""
    network = in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        requested = call_seeded(KIND, network, inputs)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            plain = network(inputs["noise"], prompt_of(inputs))
    require(len(plain.attention) == 0, "attention maps are returned although return_attention is False")
    for index, image in enumerate(plain.images):
        assert_close(image, requested[f"image {index}"], f"image {index} without return_attention")
    words = inputs["words"].shape[2]
    for name, maps in requested.items():
        if name.startswith("attention"):
            shape = list(maps.shape)
            require(
                len(shape) == 4 and shape[:2] == [3, words],
                f"{name} has shape {shape}, expected [3, {words}, h, w]",
            )


def condition_shapes(subject: Subject) -> None:
    """If a condition is returned, its value, mean and logvar have the shape b z, and `condition` is z."""
    network = in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        condition = network(inputs["noise"], prompt_of(inputs)).condition
    declared = getattr(network, "condition", None)
    if condition is None:
        require(declared is None, f"`condition` is {declared}, but no condition is returned")
        return
    require(
        declared == condition.mean.shape[1],
        f"a condition of width {condition.mean.shape[1]} is returned, but `condition` is {declared}",
    )
    shapes = [list(tensor.shape) for tensor in (condition.value, condition.mean, condition.logvar)]
    equal = shapes[0] == shapes[1] == shapes[2]
    require(
        equal and len(shapes[0]) == 2 and shapes[0][0] == 3,
        f"value, mean and logvar have the shapes {shapes}, expected [3, z] each",
    )


def completed_extras(subject: Subject) -> None:
    """Extras of its spec that it completes are generated where they are -1, and kept where they are known.

    An extra may be given in part: by its rows, if it has any.
    """
    network = in_eval_mode(subject.build())
    names = network.completed_extras if isinstance(network, CompletesExtras) else frozenset()
    inputs = inputs_for(subject, network)
    unknown = sorted(names - subject.spec().extras.keys())
    require(not unknown, f"it completes {', '.join(unknown)}, which its spec does not have")
    for name in sorted(names):
        known = inputs[EXTRA + name].round()  # both 0 and 1 are valid
        absent = torch.zeros(known.shape[:2] if known.dim() > 2 else known.shape[:1], dtype=torch.bool)
        absent[1:] = True
        if known.dim() > 2:
            absent[0, ::2] = True
        mask = absent.reshape(*absent.shape, *[1] * (known.dim() - absent.dim())).expand_as(known)
        prompt = prompt_of({**inputs, EXTRA + name: known.masked_fill(mask, NOT_GIVEN)})
        with torch.no_grad():
            completed = network(inputs["noise"], prompt).extras.get(name)
        require(completed is not None, f"the output lacks the extra `{name}`, which it completes")
        shape = list(completed.shape)
        require(completed.shape == known.shape, f"`{name}` has shape {shape}, expected {list(known.shape)}")
        require(bool((completed[mask] >= 0).all()), f"`{name}` still has numbers below 0")
        require(
            torch.equal(completed[~mask], known[~mask]), f"numbers of `{name}` that are given are changed"
        )


def mirrors_when_sampling(subject: Subject) -> None:
    """If it mirrors images, the first number of the noise decides, and has no effect in training mode."""
    network = subject.build()
    mirrors = isinstance(network, Mirrors) and network.mirror
    if not mirrors:
        return
    inputs = inputs_for(subject, network)
    noise = inputs["noise"].clone()
    noise[:, 0] = noise[:, 0].abs() + 1
    opposite = noise * torch.tensor([-1.0] + [1.0] * (noise.shape[1] - 1))
    for mode in ("training", "evaluation"):
        network.train(mode == "training")
        with torch.no_grad():
            images, others = (
                _images(call_seeded(KIND, network, {**inputs, "noise": value})) for value in (noise, opposite)
            )
        for name, image in images.items():
            expected = image if mode == "training" else image.flip(3)
            what = "the same" if mode == "training" else "mirrored"
            assert_close(
                others[name], expected, f"{name} in {mode} mode, {what} for the opposite of the first number"
            )


def batch_invariance(subject: Subject) -> None:
    """In evaluation mode an image does not depend on the rest of its batch."""
    network = in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        before = call_seeded(KIND, network, inputs)
        after = call_seeded(
            KIND, network, replace_rest_of_batch(inputs, inputs_for(subject, network, seed=50))
        )
    for name, output in after.items():
        assert_close(
            output[:1], before[name][:1], f"{name} of the first image after replacing the rest of its batch"
        )


def _require_dependence(subject: Subject, *names: str) -> None:
    # conditioning that starts at zero, as in DF-GAN, has an effect once weights have changed
    network = in_eval_mode(perturbed(subject.build()))
    inputs = inputs_for(subject, network)
    other = {**inputs, **{name: inputs[name].flip(0) + 0.5 for name in names}}
    with torch.no_grad():
        first = _images(call_seeded(KIND, network, inputs))
        second = _images(call_seeded(KIND, network, other))
    for name, image in first.items():
        require(not torch.equal(image, second[name]), f"{name} does not depend on the {' and '.join(names)}")


def _images(outputs: Tensors) -> Tensors:
    return {name: tensor for name, tensor in outputs.items() if name.startswith("image")}


CHECKS: tuple[Callable[[Subject], None], ...] = (
    image_sizes,
    images_in_range,
    depends_on_noise,
    depends_on_text,
    attention_only_when_requested,
    condition_shapes,
    completed_extras,
    mirrors_when_sampling,
    batch_invariance,
)
