"""Batch normalisation over the batches of all processes."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from attnforge.compute.collectives import sum_over_processes, world_size

GeneratorNorm = Literal["batch", "synchronised"]
"""How a generator normalises; see `SynchronisedBatchNorm`."""


class SynchronisedBatchNorm(_BatchNorm):
    """Batch normalisation over the batches of all processes (Ioffe and Szegedy, 2015).

    Where torch.distributed runs with more than one process, mean and variance in training are those of all
    their batches together, which may differ in size, and gradients reach all of them. Otherwise, and in
    evaluation, it equals batch normalisation. It takes maps (b c h w) and vectors (b c), on any device, and
    its state dict is that of torch's `BatchNorm1d` and `BatchNorm2d`.
    """

    def forward(self, input: Float[Tensor, "b c *_"]) -> Float[Tensor, "b c *_"]:
        if not (self.training and world_size() > 1):
            return super().forward(input)
        axes = [axis for axis in range(input.dim()) if axis != 1]
        values = input if input.dtype == torch.float64 else input.float()
        count = values.new_tensor([values.numel() / values.shape[1]])
        total = sum_over_processes(torch.cat((values.sum(axes), count)))
        mean, overall = total[:-1] / total[-1], total[-1].detach()
        centred = values - _broadcast(mean, input)
        # from the centred values, because E[x^2] - E[x]^2 cancels where the mean is large
        variance = sum_over_processes(centred.square().sum(axes)) / overall
        self._track(mean.detach(), variance.detach(), overall)
        normalised = centred * _broadcast((variance + self.eps).rsqrt(), input)
        if self.affine:
            normalised = normalised * _broadcast(self.weight, input) + _broadcast(self.bias, input)
        return normalised.to(input.dtype)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least a batch of vectors, got {input.dim()} dimensions")

    @torch.no_grad()
    def _track(
        self, mean: Float[Tensor, "c"], variance: Float[Tensor, "c"], count: Float[Tensor, ""]
    ) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        unbiased = variance * count / (count - 1)
        self.running_mean.add_(share * (mean - self.running_mean))
        self.running_var.add_(share * (unbiased - self.running_var))


def synchronise(network: nn.Module) -> None:
    """Replace every batch normalisation inside by `SynchronisedBatchNorm`, with the same weights."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                setattr(parent, name, _synchronised(child))


def _synchronised(old: _BatchNorm) -> SynchronisedBatchNorm:
    new = SynchronisedBatchNorm(
        old.num_features, old.eps, old.momentum, old.affine, old.track_running_stats, device="meta"
    )
    for name, parameter in old._parameters.items():
        new.register_parameter(name, parameter)
    for name, buffer in old._buffers.items():
        new.register_buffer(name, buffer)
    return new.train(old.training)


def _broadcast(values: Float[Tensor, "c"], like: Float[Tensor, "b c *_"]) -> Float[Tensor, "_ c *_"]:
    """One value per channel, shaped to broadcast over maps or vectors."""
    return values.reshape(1, -1, *[1] * (like.dim() - 2))
