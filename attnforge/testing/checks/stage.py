"""What a stage promises: a map of the size that it was told, for each image on its own."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attnforge.testing.expect import require, same
from attnforge.testing.networks import Tensors, features_of, inputs_for, quiet, seeded
from attnforge.testing.subject import Subject

KIND = "stage"


def shapes(subject: Subject) -> None:
    """The hidden map has the channels and the size of the spec; attention maps have that of the map given."""
    spec, network = subject.spec(), quiet(subject.build())
    inputs = inputs_for(subject, network)
    found = seeded(KIND, network, inputs)
    wanted = [3, spec.channels, spec.out_size, spec.out_size]
    require(list(found["hidden"].shape) == wanted, f"the map is {list(found['hidden'].shape)}, not {wanted}")
    if "attention" in found:
        maps = [3, inputs["words"].shape[2], *(inputs["hidden"].shape[2:] if "hidden" in inputs else (0, 0))]
        require(
            list(found["attention"].shape) == maps, f"maps are {list(found['attention'].shape)}, not {maps}"
        )


def attention_on_demand(subject: Subject) -> None:
    """Attention maps are given when they are asked for and are None otherwise, which changes no map."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        asked = seeded(KIND, network, inputs)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            plain = network(inputs.get("hidden"), inputs["condition"], features_of(inputs))
    require(plain.attention is None, "it gives attention maps that nobody asked for")
    same(plain.hidden, asked["hidden"], "the hidden map without attention maps")


def condition_or_text_matters(subject: Subject) -> None:
    """With another condition and other words, the hidden map is another one."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    told = {name: inputs[name] for name in ("condition", "words", "sentence")}
    other = {**inputs, **{name: one.flip(0) for name, one in told.items()}}
    with torch.no_grad():
        one, two = seeded(KIND, network, inputs), seeded(KIND, network, other)
    require(
        not torch.equal(one["hidden"], two["hidden"]), "the map is the same for other conditions and words"
    )


def batch_mates_have_no_influence(subject: Subject) -> None:
    """In evaluation mode an image does not depend on the others of its batch."""
    network = quiet(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        before = seeded(KIND, network, inputs)
        after = seeded(KIND, network, with_other_mates(inputs, inputs_for(subject, network, seed=50)))
    for name, found in after.items():
        same(found[:1], before[name][:1], f"{name} of the first image, with other batch mates")


def with_other_mates(inputs: Tensors, others: Tensors) -> Tensors:
    """The first item of one batch with the other items of another, in which captions are longest."""
    mixed = {name: torch.cat((one[:1], others[name][1:])) for name, one in inputs.items()}
    mixed["padding"][1:] = False
    return mixed


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    attention_on_demand,
    condition_or_text_matters,
    batch_mates_have_no_influence,
)
