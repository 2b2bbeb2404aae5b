"""The parts of a batch that a process computes one after the other, and the batch that they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.compute.collectives import gather_prompt, rank, world_size
from attnforge.interfaces import AdversarialStep, Batch, Condition, Prompt, TextFeatures, WholeBatch


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Some rows of a batch."""

    batch: Batch
    prompt: Prompt
    noise: Float[Tensor, "r b n"]
    """One row of noise for each update of the discriminators."""
    real: tuple[Float[Tensor, "b 3 _ _"], ...]


def micro_batches(whole: MicroBatch, parts: Sequence[slice]) -> list[MicroBatch]:
    """Split a batch by rows."""
    return [whole] if len(parts) == 1 else [_rows_of(whole, part) for part in parts]


def with_whole_batch(steps: Sequence[AdversarialStep]) -> list[AdversarialStep]:
    """The steps of a batch's parts, each with the captions of the whole batch, over all processes."""
    if len(steps) == 1 and world_size() == 1:
        return list(steps)
    class_ids = torch.cat([step.batch.class_ids for step in steps])
    first = rank() * len(class_ids)
    prompt, class_ids = gather_prompt(_joined([step.prompt for step in steps]), class_ids)
    placed = []
    for step in steps:
        placed.append(replace(step, everyone=WholeBatch(prompt=prompt, class_ids=class_ids, first=first)))
        first += len(step.batch.class_ids)
    return placed


def mean_terms(terms: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The means of terms over a batch's parts, by name."""
    if len(terms) == 1:
        return dict(terms[0])
    return {name: torch.stack([part[name] for part in terms]).mean() for name in terms[0]}


def merged_terms(terms: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The terms of all losses; a name that an earlier loss has too is prefixed with the loss's name."""
    merged: dict[str, Tensor] = {}
    for loss, loss_terms in terms.items():
        for name, value in loss_terms.items():
            merged[f"{loss}: {name}" if name in merged else name] = value
    return merged


def _rows_of(whole: MicroBatch, rows: slice) -> MicroBatch:
    batch, prompt = whole.batch, whole.prompt
    extras = {name: extra[rows] for name, extra in batch.extras.items()}
    part = replace(
        batch,
        image=batch.image[rows],
        tokens=batch.tokens[rows],
        lengths=batch.lengths[rows],
        class_ids=batch.class_ids[rows],
        captions=batch.captions[rows],
        keys=batch.keys[rows],
        levels=None if batch.levels is None else batch.levels[rows],
        extras=extras,
        other_tokens=None if batch.other_tokens is None else batch.other_tokens[:, rows],
        other_lengths=None if batch.other_lengths is None else batch.other_lengths[:, rows],
    )
    text = TextFeatures(prompt.words[rows], prompt.sentence[rows], prompt.padding[rows])
    return MicroBatch(
        batch=part,
        prompt=Prompt.of(text, extras=extras, tokens=part.tokens),
        noise=whole.noise[:, rows],
        real=tuple(images[rows] for images in whole.real),
    )


def _joined(prompts: Sequence[Prompt]) -> Prompt:
    """The captions of several prompts, one after the other."""
    if len(prompts) == 1:
        return prompts[0]
    text = TextFeatures(
        torch.cat([prompt.words for prompt in prompts]),
        torch.cat([prompt.sentence for prompt in prompts]),
        torch.cat([prompt.padding for prompt in prompts]),
    )
    drawn = [prompt.condition for prompt in prompts if prompt.condition is not None]
    condition = drawn and Condition(
        torch.cat([own.value for own in drawn]),
        torch.cat([own.mean for own in drawn]),
        torch.cat([own.logvar for own in drawn]),
    )
    tokens = [prompt.tokens for prompt in prompts if prompt.tokens is not None]
    return Prompt.of(text, condition=condition or None, tokens=torch.cat(tokens) if tokens else None)
