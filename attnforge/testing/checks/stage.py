"""What a stage promises: a hidden map of the size in its spec, independently for each image."""

from __future__ import annotations

from collections.abc import Callable

import torch

from attnforge.testing.expect import assert_close, require
from attnforge.testing.networks import Tensors, call_seeded, in_eval_mode, inputs_for, perturbed, prompt_of
from attnforge.testing.subject import Subject

KIND = "stage"


def shapes(subject: Subject) -> None:
    """The hidden map has the spec's channels and size; attention maps have the size of the input map."""
    spec, network = subject.spec(), in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    outputs = call_seeded(KIND, network, inputs)
    expected = [3, spec.channels, spec.out_size, spec.out_size]
    shape = list(outputs["hidden"].shape)
    require(shape == expected, f"the hidden map has shape {shape}, expected {expected}")
    if "attention" in outputs:
        expected = [
            3,
            inputs["words"].shape[2],
            *(inputs["hidden"].shape[2:] if "hidden" in inputs else (0, 0)),
        ]
        shape = list(outputs["attention"].shape)
        require(shape == expected, f"attention maps have shape {shape}, expected {expected}")


def attention_only_when_requested(subject: Subject) -> None:
    """Attention maps are returned only when requested; the hidden map is the same either way."""
    network = in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    with torch.no_grad():
        requested = call_seeded(KIND, network, inputs)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            plain = network(inputs.get("hidden"), inputs["condition"], prompt_of(inputs))
    require(plain.attention is None, "attention maps are returned although return_attention is False")
    assert_close(plain.hidden, requested["hidden"], "hidden map without return_attention")


def depends_on_condition_or_text(subject: Subject) -> None:
    """The hidden map depends on the condition, the words or the sentence, once weights have changed."""
    network = in_eval_mode(perturbed(subject.build()))
    inputs = inputs_for(subject, network)
    other = {**inputs, **{name: inputs[name].flip(0) for name in ("condition", "words", "sentence")}}
    with torch.no_grad():
        first, second = call_seeded(KIND, network, inputs), call_seeded(KIND, network, other)
    require(
        not torch.equal(first["hidden"], second["hidden"]),
        "the hidden map depends neither on the condition nor on the text",
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


def replace_rest_of_batch(inputs: Tensors, others: Tensors) -> Tensors:
    """The first item of one batch with the rest of another, whose captions are given full length."""
    mixed = {name: torch.cat((tensor[:1], others[name][1:])) for name, tensor in inputs.items()}
    mixed["padding"][1:] = False
    return mixed


CHECKS: tuple[Callable[[Subject], None], ...] = (
    shapes,
    attention_only_when_requested,
    depends_on_condition_or_text,
    batch_invariance,
)
