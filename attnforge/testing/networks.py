"""Calls a network of any kind in the same way: named tensors in, named tensors out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from attnforge.optional import Embeds
from attnforge.testing.numbers import numbers
from attnforge.testing.subject import Subject
from attnforge.values import Condition, Prompt, TextFeatures

Tensors = dict[str, Tensor]
WITH_PROMPT = "logits with a prompt"
EXTRA = "extra "
"""Prefix of the names of extras among inputs."""
LENGTHS = (5, 2, 3, 1)
"""Words of the captions of a batch, repeated as often as needed."""


def inputs_for(subject: Subject, network: Any, *, batch: int = 3, seed: int = 0) -> Tensors:
    """Inputs for a network of the subject's kind, with captions of different lengths."""
    return _INPUTS[subject.component.kind](subject.spec(), network, batch, seed)


def call(kind: str, network: Any, inputs: Mapping[str, Tensor]) -> Tensors:
    """Call a network of a kind, and name all of its outputs."""
    return _CALLS[kind](network, dict(inputs))


def in_eval_mode(network: Any) -> Any:
    """The same network in evaluation mode, if it is a module."""
    return network.eval() if isinstance(network, nn.Module) else network


def call_seeded(kind: str, network: Any, inputs: Mapping[str, Tensor], *, seed: int = 7) -> Tensors:
    """Call a network with torch's global generator seeded, and restore the generator's state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return call(kind, network, inputs)


def rows(inputs: Mapping[str, Tensor], index: slice) -> Tensors:
    """A slice of a batch."""
    return {name: tensor[index] for name, tensor in inputs.items()}


def prompt_of(inputs: Mapping[str, Tensor]) -> Prompt:
    """What the images of a batch are to show: the encoded captions, the extras and the condition."""
    text = TextFeatures(words=inputs["words"], sentence=inputs["sentence"], padding=inputs["padding"])
    extras = {name.removeprefix(EXTRA): value for name, value in inputs.items() if name.startswith(EXTRA)}
    condition = None
    if "condition mean" in inputs:
        mean = inputs["condition mean"]
        condition = Condition(value=mean, mean=mean, logvar=torch.zeros_like(mean))
    return Prompt.of(text, extras=extras, condition=condition)


def perturbed(network: Any) -> Any:
    """The network with other weights, so that what starts at zero has an effect."""
    if isinstance(network, nn.Module):
        generator = torch.Generator().manual_seed(13)
        with torch.no_grad():
            for weight in network.parameters():
                weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    return network


def texts(batch: int, width: int, *, seed: int, words: int | None = None) -> Tensors:
    """Encoded captions: words b d l, sentence b d, padding b l."""
    lengths = torch.tensor([LENGTHS[index % len(LENGTHS)] for index in range(batch)])
    longest = words or int(lengths.max())
    padding = torch.arange(longest) >= lengths[:, None]
    vectors = numbers(batch, width, longest, seed=seed).masked_fill(padding[:, None], 0)
    return {"words": vectors, "sentence": numbers(batch, width, seed=seed + 1), "padding": padding}


def _attention_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    return {
        "features": numbers(batch, spec.channels, 3, 4, seed=seed + 5),
        **texts(batch, spec.words, seed=seed),
    }


def _text_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    lengths = torch.tensor([LENGTHS[index % len(LENGTHS)] for index in range(batch)])
    longest = int(lengths.max())
    tokens = torch.randint(
        1, spec.vocabulary_size, (batch, longest), generator=torch.Generator().manual_seed(seed)
    )
    return {"tokens": tokens.masked_fill(torch.arange(longest) >= lengths[:, None], 0), "lengths": lengths}


def _image_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    return {"images": example_images(batch, spec.image_size, seed=seed)}


def _conditioner_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    return {"sentence": numbers(batch, spec.sentence, seed=seed)}


def _stage_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    inputs = {
        "condition": numbers(batch, spec.condition, seed=seed + 5),
        **texts(batch, spec.words, seed=seed),
    }
    if spec.in_channels is not None:
        inputs["hidden"] = numbers(batch, spec.in_channels, spec.in_size, spec.in_size, seed=seed + 6)
    return inputs


def _generator_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    return {
        "noise": numbers(batch, network.noise, seed=seed + 5),
        **texts(batch, spec.words, seed=seed),
        **_extras(spec, batch, seed),
    }


def _discriminator_inputs(spec: Any, network: Any, batch: int, seed: int) -> Tensors:
    return {
        "images": example_images(batch, spec.image_size, seed=seed),
        **texts(batch, spec.sentence, seed=seed + 4),
        **_extras(spec, batch, seed),
        **(
            {}
            if spec.condition is None
            else {"condition mean": numbers(batch, spec.condition, seed=seed + 7)}
        ),
    }


def _extras(spec: Any, batch: int, seed: int) -> Tensors:
    """Extras in [0, 1), as boxes and key points are."""
    generator = torch.Generator().manual_seed(seed + 8)
    return {
        EXTRA + name: torch.rand(batch, *shape, generator=generator) for name, shape in spec.extras.items()
    }


def example_images(batch: int, size: int, *, seed: int) -> Tensor:
    """Images of one colour each with noise, in [-1, 1]: b 3 h w."""
    plain = numbers(batch, 3, 1, 1, seed=seed)
    return (plain + 0.3 * numbers(batch, 3, size, size, seed=seed + 1)).clamp(-1, 1)


def _attend(network: Any, inputs: Tensors) -> Tensors:
    output = network(inputs["features"], prompt_of(inputs), return_weights=True)
    return {"context": output.context, "weights": output.weights}


def _encode_text(network: Any, inputs: Tensors) -> Tensors:
    text = network(inputs["tokens"], inputs["lengths"])
    return {"words": text.words, "sentence": text.sentence, "padding": text.padding}


def _encode_images(network: Any, inputs: Tensors) -> Tensors:
    features = network(inputs["images"])
    return {"regions": features.regions, "image": features.image}


def _condition(network: Any, inputs: Tensors) -> Tensors:
    condition = network(inputs["sentence"])
    return {"value": condition.value, "mean": condition.mean, "logvar": condition.logvar}


def _run_stage(network: Any, inputs: Tensors) -> Tensors:
    output = network(inputs.get("hidden"), inputs["condition"], prompt_of(inputs), return_attention=True)
    return {"hidden": output.hidden, **({} if output.attention is None else {"attention": output.attention})}


def _generate(network: Any, inputs: Tensors) -> Tensors:
    output = network(inputs["noise"], prompt_of(inputs), return_attention=True)
    outputs = {f"image {index}": image for index, image in enumerate(output.images)}
    outputs |= {f"attention {index}": maps for index, maps in enumerate(output.attention)}
    if output.condition is not None:
        outputs |= {"mean": output.condition.mean, "logvar": output.condition.logvar}
    return outputs


def _discriminate(network: Any, inputs: Tensors) -> Tensors:
    features = network.features(inputs["images"])
    outputs = {"features": features, WITH_PROMPT: network.logits(features, prompt_of(inputs))}
    if network.unconditional:
        outputs["logits"] = network.logits(features, None)
    if isinstance(network, Embeds):
        embedded = network.embed(features)
        outputs |= {"regions": embedded.regions, "image": embedded.image}
    return outputs


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
    "text-encoder": _encode_text,
    "image-encoder": _encode_images,
    "conditioner": _condition,
    "stage": _run_stage,
    "generator": _generate,
    "discriminator": _discriminate,
}
KINDS: tuple[str, ...] = tuple(_CALLS)
"""The kinds of component that are networks."""
