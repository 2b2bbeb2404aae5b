"""The tensors of a step by name, which a CUDA graph copies before it is replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor

from attnforge.values import Batch, Prompt, TextFeatures

EXTRA = "extra "
"""Prefix of the names of extras among a step's tensors."""


def tensors_of(batch: Batch, prompt: Prompt, noise: Float[Tensor, "r b n"]) -> dict[str, Tensor]:
    """Everything in a step that changes from one to the next, by name."""
    levels = {} if batch.levels is None else {"levels": batch.levels}
    return {
        "noise": noise,
        "image": batch.image,
        "class_ids": batch.class_ids,
        "tokens": batch.tokens,
        "lengths": batch.lengths,
        "words": prompt.words,
        "sentence": prompt.sentence,
        "padding": prompt.padding,
        **levels,
        **{EXTRA + name: value for name, value in batch.extras.items()},
    }


def with_tensors(batch: Batch, inputs: Mapping[str, Tensor]) -> tuple[Batch, Prompt, Float[Tensor, "r b n"]]:
    """The batch, the prompt and the noise of a step, with the tensors of `tensors_of`.

    Captions and keys are the batch's; a CUDA graph that is replayed does not see them.
    """
    extras = {name.removeprefix(EXTRA): value for name, value in inputs.items() if name.startswith(EXTRA)}
    current = replace(
        batch,
        image=inputs["image"],
        class_ids=inputs["class_ids"],
        tokens=inputs["tokens"],
        lengths=inputs["lengths"],
        levels=inputs.get("levels"),
        extras=extras,
    )
    text = TextFeatures(inputs["words"], inputs["sentence"], inputs["padding"])
    return current, Prompt.of(text, extras=extras, tokens=inputs["tokens"]), inputs["noise"]
