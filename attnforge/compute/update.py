"""One optimizer's step: backward passes, gradients averaged, unscaled and clipped, weights changed."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from attnforge.compute.gradients import AveragedGradients

LOSS_SCALE = "loss_scale"
"""The key of an optimizer's saved state that holds the state of its loss scaling."""

INITIAL_SCALE = 2.0**10
"""Adversarial losses are large, and every step whose gradients overflow is one that is not taken."""


class Update:
    """Minimises losses by one step of an optimizer.

    Args:
        optimizer: The optimizer.
        device: Where its weights are.
        scaled: Whether losses are scaled, so that gradients in float16 do not vanish. The scale adapts: a
            step whose gradients overflow is skipped, and the scale halved. It is saved with the optimizer.
        clipped: Weights whose gradients are clipped together.
        norm: The norm that they are clipped to.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        device: torch.device,
        scaled: bool = False,
        clipped: Iterable[nn.Parameter] = (),
        norm: float = 1.0,
    ) -> None:
        self.optimizer = optimizer
        self.clipped = list(clipped)
        self.norm = norm
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        self.gradients = AveragedGradients(weights)
        self.scaler = torch.amp.GradScaler(device.type, init_scale=INITIAL_SCALE, enabled=scaled)
        if scaled:
            optimizer.register_state_dict_post_hook(self._save_scale)
            optimizer.register_load_state_dict_pre_hook(self._load_scale)

    @property
    def scale(self) -> float:
        """The factor of losses in the backward pass."""
        return self.scaler.get_scale() if self.scaler.is_enabled() else 1.0

    def minimise(self, losses: Iterable[Tensor], *, count: int = 1) -> None:
        """Take one step against the sum of some losses.

        Args:
            losses: The losses; each is computed when the graph of the one before is gone.
            count: How many there are.
        """
        self.optimizer.zero_grad(set_to_none=True)
        for index, loss in enumerate(losses):
            # gradients are complete, and can be sent, in the last backward pass only
            with self.gradients.sending() if index == count - 1 else nullcontext():
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.gradients.average()
        if self.clipped:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.clipped, self.norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def _save_scale(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        state[LOSS_SCALE] = self.scaler.state_dict()

    def _load_scale(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        if LOSS_SCALE in state:  # otherwise the checkpoint was trained with another precision
            self.scaler.load_state_dict(state[LOSS_SCALE])
