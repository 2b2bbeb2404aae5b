"""Finds tensors with values that are not finite: such weights are neither saved nor resumed from."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def not_finite(tensors: Iterable[tuple[str, Tensor]]) -> list[str]:
    """The names of the tensors with an infinite value or NaN; without any, it waits once for their device."""
    floats = [(name, tensor) for name, tensor in tensors if tensor.is_floating_point() or tensor.is_complex()]
    if not floats:
        return []
    device = floats[0][1].device
    # A sum that is finite has only finite terms, and costs a fraction of a look at every value. One that is
    # not may also have overflowed.
    sums = torch.stack([torch.isfinite(tensor.sum()).to(device) for _, tensor in floats]).tolist()
    suspects = [entry for entry, is_finite in zip(floats, sums, strict=True) if not is_finite]
    return [name for name, tensor in suspects if not torch.isfinite(tensor).all()]


def not_finite_in(
    networks: Mapping[str, nn.Module], states: Mapping[str, object], *, constants: Container[str] = ()
) -> list[str]:
    """The names of the weights, buffers and optimizer states that are not finite.

    Args:
        networks: The networks, by name.
        states: The states of the optimizers, by name.
        constants: Buffers, as `network/buffer`, that need not be finite.
    """
    names = not_finite((*tensors_of(networks), *tensors_in(states, "optimizer")))
    return [name for name in names if name not in constants]


def tensors_of(networks: Mapping[str, nn.Module]) -> Iterator[tuple[str, Tensor]]:
    """Weights and buffers of networks, as `network/tensor`."""
    for network_name, network in networks.items():
        for name, tensor in network.state_dict().items():
            yield f"{network_name}/{name}", tensor


def constants_of(networks: Mapping[str, nn.Module]) -> tuple[str, ...]:
    """Buffers that are not finite before any step, by intention: masks of minus infinity."""
    weights = {
        f"{network_name}/{name}"
        for network_name, network in networks.items()
        for name, _ in _weights(network)
    }
    return tuple(name for name in not_finite(tensors_of(networks)) if name not in weights)


def tensors_in(state: Any, path: str) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in nested dicts and lists, such as optimizer state."""
    if isinstance(state, Tensor):
        yield path, state
    elif isinstance(state, Mapping):
        for key, value in state.items():
            yield from tensors_in(value, f"{path}/{key}")
    elif isinstance(state, list | tuple):
        for index, value in enumerate(state):
            yield from tensors_in(value, f"{path}/{index}")


def _weights(network: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return network.named_parameters(remove_duplicate=False)
