"""How a network of each kind is called, so that checks fit all: named tensors in, named tensors out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from attnforge.testing.strategies import numbers
from attnforge.testing.subject import Subject
from attnforge.values import TextFeatures

Tensors = dict[str, Tensor]
LENGTHS = (5, 2, 3, 1)
"""Words of the captions of a batch, in a circle."""


def inputs_for(subject: Subject, network: Any, *, batch: int = 3, seed: int = 0) -> Tensors:
    """What a network of the subject's kind is given, with captions of different lengths."""
    return _INPUTS[subject.component.kind](subject.spec(), network, batch, seed)


def call(kind: str, network: Any, inputs: Mapping[str, Tensor]) -> Tensors:
    """Call a network of a kind, and name all that it gives."""
    return _CALLS[kind](network, dict(inputs))


def quiet(network: Any) -> Any:
    """The same network in evaluation mode; one that is no module has no modes."""
    return network.eval() if isinstance(network, nn.Module) else network


def seeded(kind: str, network: Any, inputs: Mapping[str, Tensor], *, seed: int = 7) -> Tensors:
    """Call a network with torch's generator at a seed; the generator keeps its state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return call(kind, network, inputs)


def rows(inputs: Mapping[str, Tensor], kept: slice) -> Tensors:
    """Some of the items of a batch."""
    return {name: tensor[kept] for name, tensor in inputs.items()}


def features_of(inputs: Mapping[str, Tensor]) -> TextFeatures:
    """The encoded captions among the inputs."""
    return TextFeatures(words=inputs["words"], sentence=inputs["sentence"], padding=inputs["padding"])


def texts(batch: int, width: int, *, seed: int, words: int | None = None) -> Tensors:
    """Encoded captions: words b d l, sentence b d, padding b l."""
    ragged = torch.tensor([LENGTHS[index % len(LENGTHS)] for index in range(batch)])
    longest = words or int(ragged.max())
    padding = torch.arange(longest) >= ragged[:, None]
    vectors = numbers(batch, width, longest, seed=seed).masked_fill(padding[:, None], 0)
    return {"words": vectors, "sentence": numbers(batch, width, seed=seed + 1), "padding": padding}


def _attention_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    return {
        "features": numbers(batch, spec.channels, 3, 4, seed=seed + 5),
        **texts(batch, spec.words, seed=seed),
    }


def _text_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    ragged = torch.tensor([LENGTHS[index % len(LENGTHS)] for index in range(batch)])
    longest = int(ragged.max())
    drawn = torch.randint(
        1, spec.vocabulary_size, (batch, longest), generator=torch.Generator().manual_seed(seed)
    )
    return {"tokens": drawn.masked_fill(torch.arange(longest) >= ragged[:, None], 0), "lengths": ragged}


def _image_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    return {"images": example_images(batch, spec.image_size, seed=seed)}


def _conditioner_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    return {"sentence": numbers(batch, spec.sentence, seed=seed)}


def _stage_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    given = {
        "condition": numbers(batch, spec.condition, seed=seed + 5),
        **texts(batch, spec.words, seed=seed),
    }
    if spec.in_channels is not None:
        given["hidden"] = numbers(batch, spec.in_channels, spec.in_size, spec.in_size, seed=seed + 6)
    return given


def _generator_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    return {"noise": numbers(batch, network.noise, seed=seed + 5), **texts(batch, spec.words, seed=seed)}


def _discriminator_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    return {
        "images": example_images(batch, spec.image_size, seed=seed),
        "sentence": numbers(batch, spec.sentence, seed=seed + 5),
    }


def example_images(batch: int, size: int, *, seed: int) -> Tensor:
    """Images of plain colours with noise, in [-1, 1]: b 3 h w."""
    plain = numbers(batch, 3, 1, 1, seed=seed)
    return (plain + 0.3 * numbers(batch, 3, size, size, seed=seed + 1)).clamp(-1, 1)


def _attend(network: Any, inputs: Tensors) -> Tensors:
    output = network(inputs["features"], features_of(inputs), return_weights=True)
    return {"context": output.context, "weights": output.weights}


def _read(network: Any, inputs: Tensors) -> Tensors:
    text = network(inputs["tokens"], inputs["lengths"])
    return {"words": text.words, "sentence": text.sentence, "padding": text.padding}


def _look(network: Any, inputs: Tensors) -> Tensors:
    seen = network(inputs["images"])
    return {"regions": seen.regions, "image": seen.image}


def _condition(network: Any, inputs: Tensors) -> Tensors:
    drawn = network(inputs["sentence"])
    return {"value": drawn.value, "mean": drawn.mean, "logvar": drawn.logvar}


def _refine(network: Any, inputs: Tensors) -> Tensors:
    output = network(inputs.get("hidden"), inputs["condition"], features_of(inputs), return_attention=True)
    return {"hidden": output.hidden, **({} if output.attention is None else {"attention": output.attention})}


def _draw(network: Any, inputs: Tensors) -> Tensors:
    output = network(inputs["noise"], features_of(inputs), return_attention=True)
    found = {f"image {index}": image for index, image in enumerate(output.images)}
    found |= {f"attention {index}": one for index, one in enumerate(output.attention)}
    if output.condition is not None:
        found |= {"mean": output.condition.mean, "logvar": output.condition.logvar}
    return found


def _judge(network: Any, inputs: Tensors) -> Tensors:
    features = network.features(inputs["images"])
    return {
        "features": features,
        "logits": network.logits(features, None),
        "logits with sentence": network.logits(features, inputs["sentence"]),
    }


_INPUTS: dict[str, Callable[[Any, Any, int, int], Tensors]] = {
    "attention": _attention_inputs,
    "text-encoder": _text_inputs,
    "image-encoder": _image_inputs,
    "conditioner": _conditioner_inputs,
    "stage": _stage_inputs,
    "generator": _generator_inputs,
    "discriminator": _discriminator_inputs,
}
_CALLS: dict[str, Callable[[Any, Tensors], Tensors]] = {
    "attention": _attend,
    "text-encoder": _read,
    "image-encoder": _look,
    "conditioner": _condition,
    "stage": _refine,
    "generator": _draw,
    "discriminator": _judge,
}
KINDS: tuple[str, ...] = tuple(_CALLS)
"""The kinds that are networks."""
