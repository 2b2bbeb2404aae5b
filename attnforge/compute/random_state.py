"""Random numbers of a step: separate ones in each process, and the same ones once more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from attnforge.compute.collectives import rank
from attnforge.seeds import derive_seed


def separate_random_numbers() -> None:
    """Seed torch anew in every process but the first, from its seed and the rank.

    Processes seed a step alike, so that what they draw for the whole batch is the same; call this before
    networks draw what belongs to their share alone, such as dropout.
    """
    if rank() > 0:
        torch.manual_seed(derive_seed(torch.initial_seed(), "process", rank()))


@dataclass(frozen=True, slots=True)
class RandomState:
    """The state of torch's generators at some moment.

    Args:
        device: A device whose generator counts besides the CPU's.
        cpu: The state of the CPU's generator.
        gpu: That of the device's, if it has its own.
    """

    device: torch.device
    cpu: Tensor
    gpu: Tensor | None

    @staticmethod
    def current(device: torch.device) -> RandomState:
        """The current state."""
        gpu = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        return RandomState(device, torch.get_rng_state(), gpu)

    @contextmanager
    def replayed(self) -> Iterator[None]:
        """A context in which random numbers are drawn once more as they were after this moment."""
        before = RandomState.current(self.device)
        self._set()
        try:
            yield
        finally:
            before._set()

    def _set(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.gpu is not None:
            torch.cuda.set_rng_state(self.gpu, self.device)
