"""Spectral normalisation (Miyato et al., 2018) in few operations."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.parametrize import register_parametrization

from attnforge.adversarial.precision import without_autocast


def add_spectral_norm(network: nn.Module) -> None:
    """Add spectral normalisation to every convolution, after initialisation."""
    for module in list(network.modules()):
        if isinstance(module, nn.Conv2d):
            register_parametrization(module, "weight", Float32SpectralNorm(module.weight))


class Float32SpectralNorm(_SpectralNorm):
    """torch's spectral normalisation in half as many operations, and without autocast.

    A rounded norm would scale all weights. Small networks spend more time on starting these operations than
    on computing them.
    """

    def forward(self, weight: Tensor) -> Tensor:
        with without_autocast(weight.device):
            matrix = weight.flatten(1)
            with torch.no_grad():
                left, right, norm = self._iterated(matrix) if self.training else self._stored(matrix)
            normalised: Tensor
            normalised, _ = _DividedByNorm.apply(matrix, left, right, norm)
            return normalised.view_as(weight)

    def _power_method(self, weight_mat: Tensor, n_power_iterations: int) -> None:
        """Nothing on `meta`, where vectors have no values; it would take most of building."""
        if not weight_mat.is_meta:
            super()._power_method(weight_mat, n_power_iterations)

    def _iterated(
        self, matrix: Float[Tensor, "o i"]
    ) -> tuple[Float[Tensor, "o"], Float[Tensor, "i"], Float[Tensor, ""]]:
        """The singular vectors and the norm after one step of the power method, which is stored."""
        left, _ = _unit(torch.mv(matrix, self._v), self.eps)
        # with v = W'u / |W'u|, the estimate u'Wv of the norm is |W'u|
        right, norm = _unit(torch.mv(matrix.T, left), self.eps)
        # a copy, because the backward pass reads these vectors when a later step has replaced the stored ones
        self._u.copy_(left)
        self._v.copy_(right)
        return left, right, norm

    def _stored(
        self, matrix: Float[Tensor, "o i"]
    ) -> tuple[Float[Tensor, "o"], Float[Tensor, "i"], Float[Tensor, ""]]:
        left, right = self._u.clone(), self._v.clone()
        return left, right, torch.dot(left, torch.mv(matrix, right))


class _DividedByNorm(torch.autograd.Function):
    """W / (u'Wv) with constant u and v, and the norm u'Wv itself, for gradients of gradients."""

    @staticmethod
    def forward(
        ctx: Any,
        matrix: Float[Tensor, "o i"],
        left: Float[Tensor, "o"],
        right: Float[Tensor, "i"],
        norm: Float[Tensor, ""],
    ) -> tuple[Float[Tensor, "o i"], Float[Tensor, ""]]:
        """The quotient and the norm."""
        normalised, norm = matrix / norm, norm.clone()
        ctx.save_for_backward(normalised, left, right, norm)
        ctx.set_materialize_grads(False)
        return normalised, norm

    @staticmethod
    def backward(
        ctx: Any, by_normalised: Tensor | None, by_norm: Tensor | None
    ) -> tuple[Tensor | None, None, None, None]:
        """The gradient of the matrix, by operations that can be differentiated again."""
        normalised, left, right, norm = ctx.saved_tensors
        if by_normalised is None:
            return None if by_norm is None else by_norm * torch.outer(left, right), None, None, None
        by_matrix = by_normalised / norm
        along = -torch.dot(by_matrix.flatten(), normalised.flatten())
        if by_norm is not None:
            along = along + by_norm
        return torch.addr(by_matrix, along * left, right), None, None, None


def _unit(vector: Float[Tensor, "n"], smallest: float) -> tuple[Float[Tensor, "n"], Float[Tensor, ""]]:
    """The vector divided by its norm, and the norm, which is at least `smallest`."""
    norm = torch.linalg.vector_norm(vector).clamp_min(smallest)
    return vector / norm, norm
