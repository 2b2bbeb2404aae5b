"""Sums and gathers over the processes that train together; in a single process they return their input.

Every process computes its own share of a batch, and a loss is the mean of what the processes compute. So the
gradients here are those of the sum of all processes' losses: averaged over processes by the engine, they are
the gradients of the loss of the whole batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

import torch
import torch.distributed as distributed
import torch.nn.functional as F
from jaxtyping import Int, Shaped
from torch import Tensor, nn

from attnforge.values import Condition, Prompt, TextFeatures


def world_size() -> int:
    """How many processes train together."""
    initialised = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if initialised else 1


def rank() -> int:
    """Which of them this process is, from 0."""
    return distributed.get_rank() if world_size() > 1 else 0


def sum_over_processes(values: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """The sum of a tensor over all processes, with gradients to all of them."""
    return values if world_size() == 1 else cast(Tensor, _Sum.apply(values))


def gather(values: Shaped[Tensor, "b *_"], counts: Sequence[int] = ()) -> Shaped[Tensor, "all *_"]:
    """The rows of all processes, in the order of their ranks, with gradients to all of them.

    Args:
        values: The rows of this process.
        counts: How many rows each process has; without them, all have the same number.
    """
    if world_size() == 1:
        return values
    if len(set(counts)) < 2:
        return cast(Tensor, _Gather.apply(values))
    rows = max(counts)
    padded = torch.cat([values, values.new_zeros(rows - len(values), *values.shape[1:])])
    parts = torch.split(cast(Tensor, _Gather.apply(padded)), rows)
    return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])


def gather_rows(values: Shaped[Tensor, "b *_"], *, device: torch.device) -> Shaped[Tensor, "all *_"]:
    """The rows that all processes have, of numbers of any type, without gradients; each has as many.

    Args:
        values: The rows of this process.
        device: Where the processes exchange tensors.
    """
    if world_size() == 1:
        return values
    with torch.no_grad():
        (rows,) = _gather_bits(values.to(device))
    return rows.to(values.device)


def everywhere(condition: bool) -> bool:
    """Whether a condition holds in all processes."""
    return condition if world_size() == 1 else all(value for (value,) in _of_each_process(int(condition)))


def gather_text(text: TextFeatures, *, rows: int) -> TextFeatures:
    """The captions of all processes: the first `rows` of each, and then the others of each."""
    if world_size() == 1:
        return text
    # encoders return as many words as the longest caption of their share has, and negatives may be few
    sizes = _of_each_process(len(text.sentence) - rows, text.words.shape[-1])
    counts, lengths = zip(*sizes, strict=True)
    more = max(lengths) - text.words.shape[-1]
    fields = (F.pad(text.words, (0, more)), text.sentence, F.pad(text.padding, (0, more), value=True))
    first = gather_together(*(values[:rows] for values in fields))
    if not any(counts):
        return TextFeatures(*first)
    others = (gather(values[rows:], counts) for values in fields)
    return TextFeatures(*(torch.cat(both) for both in zip(first, others, strict=True)))


def gather_together(*tensors: Shaped[Tensor, "b ..."]) -> tuple[Tensor, ...]:
    """What `gather` gives for each of several tensors, in one exchange, since each exchange takes its time.

    They are numbers of any floating-point type, or booleans.
    """
    if world_size() == 1:
        return tensors
    kind = tensors[0].dtype
    for tensor in tensors[1:]:
        kind = torch.promote_types(kind, tensor.dtype)
    flat = gather(torch.cat([tensor.reshape(len(tensor), -1).to(kind) for tensor in tensors], dim=1))
    parts = torch.split(flat, [tensor[0].numel() for tensor in tensors], dim=1)
    return tuple(
        part.reshape(len(flat), *tensor.shape[1:]).to(tensor.dtype)
        for part, tensor in zip(parts, tensors, strict=True)
    )


@torch.no_grad()
def gather_prompt(prompt: Prompt, class_ids: Int[Tensor, "b"]) -> tuple[Prompt, Int[Tensor, "all"]]:
    """The captions of all processes, with what generators sampled from them, and the classes of their images.

    There are neither extras nor gradients. Words and token ids are padded to the longest caption.
    """
    if world_size() == 1:
        return replace(prompt, extras={}), class_ids
    own, tokens = prompt.condition, prompt.tokens
    lengths = _of_each_process(prompt.words.shape[-1], 0 if tokens is None else tokens.shape[-1])
    more = max(words for words, _ in lengths) - prompt.words.shape[-1]
    optional = [] if own is None else [own.value, own.mean, own.logvar]
    if tokens is not None:
        optional.append(F.pad(tokens, (0, max(count for _, count in lengths) - tokens.shape[-1])))
    words, sentence, padding, class_ids, *others = _gather_bits(
        F.pad(prompt.words, (0, more)),
        prompt.sentence,
        F.pad(prompt.padding, (0, more), value=True),
        class_ids,
        *optional,
    )
    gathered = Prompt.of(
        TextFeatures(words, sentence, padding),
        condition=None if own is None else Condition(*others[:3]),
        tokens=None if tokens is None else others[-1],
    )
    return gathered, class_ids


@torch.no_grad()
def average(tensors: Iterable[Tensor]) -> None:
    """Replace floating-point tensors by their means over all processes, in one exchange a type."""
    if world_size() == 1:
        return
    kinds: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        if tensor.is_floating_point():
            kinds.setdefault(tensor.dtype, []).append(tensor)
    for alike in kinds.values():
        flat = torch.cat([tensor.reshape(-1) for tensor in alike])
        distributed.all_reduce(flat)
        flat /= world_size()
        parts = torch.split(flat, [tensor.numel() for tensor in alike])
        torch._foreach_copy_(alike, [part.view_as(tensor) for part, tensor in zip(parts, alike, strict=True)])


def trained_buffers(networks: Iterable[nn.Module]) -> list[Tensor]:
    """The buffers of networks that are not frozen, such as the statistics of batch normalisation."""
    return [
        buffer
        for network in networks
        if any(weight.requires_grad for weight in network.parameters())
        for buffer in network.buffers()
    ]


def _gather_bits(*tensors: Shaped[Tensor, "b ..."]) -> list[Tensor]:
    """The rows that all processes have of each of several tensors of any types, in one exchange."""
    rows = len(tensors[0])
    bits = [tensor.contiguous().view(torch.uint8).reshape(rows, -1) for tensor in tensors]
    parts = torch.split(gather(torch.cat(bits, dim=1)), [own.shape[1] for own in bits], dim=1)
    return [
        part.reshape(-1).view(tensor.dtype).reshape(len(part), *tensor.shape[1:])
        for part, tensor in zip(parts, tensors, strict=True)
    ]


def _of_each_process(*numbers: int) -> list[tuple[int, ...]]:
    """The numbers of each process; exchanged on the CPU, so that no GPU is waited for."""
    own = torch.tensor(numbers)
    parts = [torch.empty_like(own) for _ in range(world_size())]
    distributed.all_gather(parts, own)
    return [tuple(part.tolist()) for part in parts]


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(context: object, values: Tensor) -> Tensor:
        total = values.contiguous().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: object, gradient: Tensor) -> Tensor:
        return sum_over_processes(gradient)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(context: object, values: Tensor) -> Tensor:
        own = values.contiguous()
        sent = own.view(torch.uint8) if own.dtype == torch.bool else own  # gloo sends no booleans
        parts = [torch.empty_like(sent) for _ in range(world_size())]
        distributed.all_gather(parts, sent)
        return torch.cat(parts).view(values.dtype)

    @staticmethod
    def backward(context: object, gradient: Tensor) -> Tensor:
        return sum_over_processes(gradient).chunk(world_size())[rank()]
