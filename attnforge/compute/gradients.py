"""Averages gradients over processes while the backward pass still computes others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import torch
import torch.distributed as distributed
from torch import Tensor, nn

from attnforge.compute.collectives import world_size

BUCKET_BYTES = 25_000_000
"""Gradients are sent in buckets of about this size, large enough to use a network's bandwidth."""


@dataclass(slots=True)
class _Bucket:
    """Weights whose gradients are sent together."""

    weights: list[nn.Parameter] = field(default_factory=list)
    arrived: int = 0
    """How many of the gradients the current backward pass has computed."""
    flat: Tensor | None = None
    """What is being sent."""
    work: distributed.Work | None = None


class AveragedGradients:
    """Averages the gradients of an optimizer's weights over all processes, once an optimizer step.

    A loss may call any method of a network, several times, and differentiate twice: only gradients that
    reach the weights count. Buckets are sent in a fixed order, the last weights first, because a backward
    pass usually reaches those first. A weight without a gradient sends zeros, and keeps having none.

    Args:
        weights: The weights, in the same order in every process.
        bucket_bytes: How much is sent at once.
    """

    def __init__(self, weights: Iterable[nn.Parameter], *, bucket_bytes: int = BUCKET_BYTES) -> None:
        self.buckets: list[_Bucket] = []
        self._sending = False
        self._next = 0
        if world_size() == 1:
            return
        size = 0
        for weight in reversed(list(weights)):
            last = self.buckets[-1].weights[-1] if self.buckets else None
            if (
                last is None
                or size >= bucket_bytes
                or last.dtype != weight.dtype
                or last.device != weight.device
            ):
                self.buckets.append(_Bucket())
                size = 0
            self.buckets[-1].weights.append(weight)
            size += weight.numel() * weight.element_size()
            if weight.requires_grad:
                weight.register_post_accumulate_grad_hook(  # type: ignore[no-untyped-call]
                    partial(self._arrived, self.buckets[-1])
                )

    @contextmanager
    def sending(self) -> Iterator[None]:
        """A context for the last backward pass of an optimizer step: what it completes is sent at once."""
        self._sending = True
        try:
            yield
        finally:
            self._sending = False

    def average(self) -> None:
        """Wait until all gradients are the means over all processes."""
        for bucket in self.buckets[self._next :]:
            self._send(bucket)
        self._next = 0
        for bucket in self.buckets:
            assert bucket.work is not None and bucket.flat is not None, "every bucket was sent"  # noqa: S101, PT018
            bucket.work.wait()
            bucket.flat /= world_size()
            parts = torch.split(bucket.flat, [weight.numel() for weight in bucket.weights])
            received = [
                (weight.grad, part.view_as(weight))
                for weight, part in zip(bucket.weights, parts, strict=True)
                if weight.grad is not None
            ]
            if received:
                torch._foreach_copy_([own for own, _ in received], [mean for _, mean in received])
            bucket.arrived, bucket.flat, bucket.work = 0, None, None

    def _arrived(self, bucket: _Bucket, weight: Tensor) -> None:
        if not self._sending:
            return
        bucket.arrived += 1
        while self._next < len(self.buckets):
            following = self.buckets[self._next]
            if following.arrived < len(following.weights):
                return
            self._next += 1
            self._send(following)

    def _send(self, bucket: _Bucket) -> None:
        bucket.flat = torch.cat(
            [
                torch.zeros_like(weight).reshape(-1) if weight.grad is None else weight.grad.reshape(-1)
                for weight in bucket.weights
            ]
        )
        bucket.work = distributed.all_reduce(bucket.flat, async_op=True)
