"""The state of a task in host memory, to which training can return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from attnforge.interfaces import Task
from attnforge.storage.checkpoints.host_copy import host_copy
from attnforge.storage.optimizer_state import load_optimizer_state, optimizer_state


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Weights, buffers, optimizer states and loss scales of a task: what a checkpoint holds of it."""

    step: int
    """Steps of the phase completed."""
    networks: Mapping[str, Mapping[str, Tensor]]
    """Weights and buffers, by network."""
    optimizers: Mapping[str, Any]

    @staticmethod
    def of(task: Task, *, step: int) -> Snapshot:
        """Copy the state of a task after so many steps."""
        return Snapshot(
            step=step,
            networks=host_copy(
                {name: dict(network.state_dict()) for name, network in task.networks().items()}
            ),
            optimizers=host_copy(
                {name: optimizer_state(optimizer) for name, optimizer in task.optimizers().items()}
            ),
        )

    def restore(self, task: Task) -> None:
        """Load the state into the task that it was copied from."""
        for name, network in task.networks().items():
            network.load_state_dict(self.networks[name])
        for name, optimizer in task.optimizers().items():
            # a copy, because an optimizer on the CPU keeps the tensors that it loads and changes them
            load_optimizer_state(optimizer, host_copy(self.optimizers[name]))
