"""What a network of any kind promises: weights that travel, modes, gradients, precision, compiling."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from attnforge.errors import AttnforgeError
from attnforge.testing.compiling import run_compiled
from attnforge.testing.expect import all_same, finite, for_all, require, same
from attnforge.testing.networks import KINDS, Tensors, call, inputs_for, quiet, seeded
from attnforge.testing.strategies import specs
from attnforge.testing.subject import Subject

__all__ = ["CHECKS", "KINDS"]
BFLOAT16 = 0.1
"""How far results under autocast may be off, relative to their norm; bfloat16 rounds at 0.004."""


def state_dict_round_trip(subject: Subject) -> None:
    """A state dict holds all that was learned: another instance that loads it gives the same."""
    kind = subject.component.kind
    first, second = quiet(subject.build(seed=1)), quiet(subject.build(seed=2))
    if isinstance(first, nn.Module):
        _trained_a_little(first)
        second.load_state_dict(copy.deepcopy(first.state_dict()))
    inputs = inputs_for(subject, first)
    what = "an instance with the same state dict"
    with torch.no_grad():
        all_same(seeded(kind, second, inputs), seeded(kind, first, inputs), what)


def meta_device(subject: Subject) -> None:
    """It can be built on the meta device, where weights have shapes and take no memory."""
    real = subject.build()
    with torch.device("meta"):
        light = subject.build()
    if not isinstance(real, nn.Module):
        return
    wanted = {name: one.shape for name, one in _tensors(real).items()}
    found = {name: one.shape for name, one in _tensors(light).items()}
    require(found == wanted, "on the meta device its weights have other names or shapes")
    heavy = [name for name, one in light.named_parameters() if one.device.type != "meta"]
    require(not heavy, f"these weights are made on a fixed device: {', '.join(heavy[:3])}")


def batch_of_one(subject: Subject) -> None:
    """A batch of one gives results of the same shapes as a larger batch, in evaluation mode."""
    kind, network = subject.component.kind, quiet(subject.build())
    with torch.no_grad():
        several = seeded(kind, network, inputs_for(subject, network, batch=2))
        one = seeded(kind, network, inputs_for(subject, network, batch=1))
    for name, found in one.items():
        finite(found, f"{name} of a batch of one")
        wanted = [1, *several[name].shape[1:]]
        require(list(found.shape) == wanted, f"{name} of a batch of one is {list(found.shape)}, not {wanted}")


def other_specs(subject: Subject) -> None:
    """It works with other specs too, odd widths among them, or refuses one with an error of attnforge's."""
    kind = subject.component.kind

    def holds(spec: Any) -> None:
        told = replace(subject, given_spec=spec)
        try:
            network = quiet(told.build())
        except AttnforgeError:
            return
        with torch.no_grad():
            for name, found in seeded(kind, network, inputs_for(told, network, batch=2)).items():
                finite(found, f"{name} with {spec}")
                require(len(found) == 2, f"{name} of 2 items with {spec} is {list(found.shape)}")

    for_all(specs(kind), holds, examples=5)


def train_and_eval_modes(subject: Subject) -> None:
    """`train()` and `eval()` reach every part, and in evaluation mode a call changes nothing."""
    network = subject.build()
    inputs = inputs_for(subject, network)
    if isinstance(network, nn.Module):
        require(network.train() is network, "`train()` does not return the network")
        require(network.training, "`train()` leaves the network in evaluation mode")
        require(network.eval() is network, "`eval()` does not return the network")
        awake = [name or "itself" for name, part in network.named_modules() if part.training]
        require(not awake, f"after `eval()` these parts still train: {', '.join(awake[:3])}")
    before = _state(network)
    with torch.no_grad():
        first = seeded(subject.component.kind, network, inputs)
        second = seeded(subject.component.kind, network, inputs)
    all_same(_state(network), before, "its state after a call in evaluation mode")
    all_same(second, first, "a second call in evaluation mode")


def finite_gradients(subject: Subject) -> None:
    """Gradients of its weights and inputs are finite, also where inputs are zero."""
    for name, scale in (("ordinary", 1.0), ("zero", 0.0)):
        network = _training(subject.build())
        for what, gradient in _gradients(subject, network, scale=scale).items():
            if gradient is not None:
                finite(gradient, f"the gradient of {what} at {name} inputs")


def every_weight_learns(subject: Subject) -> None:
    """Every weight that asks for a gradient gets one; distributed training fails on idle weights."""
    network = _training(subject.build())
    found = _gradients(subject, network, scale=1.0)
    idle = [name for name, gradient in found.items() if name.startswith("weight ") and gradient is None]
    require(not idle, f"no gradient reaches {', '.join(idle[:3])}")


def autocast(subject: Subject) -> None:
    """Under autocast to bfloat16 it gives nearly the same numbers, and finite gradients."""
    kind, network = subject.component.kind, quiet(subject.build())
    inputs = inputs_for(subject, network)
    exact, other = (seeded(kind, network, inputs, seed=seed) for seed in (7, 8))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = seeded(kind, network, inputs)
    for name, wanted in exact.items():
        finite(rounded[name], f"{name} under autocast")
        # What is drawn at random is drawn otherwise in bfloat16.
        if wanted.is_floating_point() and torch.equal(wanted, other[name]):
            off = float(((rounded[name].float() - wanted).norm() / wanted.norm().clamp_min(1e-2)).detach())
            require(off <= BFLOAT16, f"under autocast {name} is off by {100 * off:.0f} percent")
    if _total(rounded).requires_grad:
        _total(rounded).backward()  # type: ignore[no-untyped-call]
        for name, gradient in _weight_gradients(network).items():
            if gradient is not None:
                finite(gradient, f"the gradient of {name} under autocast")


def compile(subject: Subject) -> None:
    """Under `torch.compile` it gives the same numbers and gradients, forwards and backwards."""
    kind, network = subject.component.kind, quiet(subject.build())
    inputs = inputs_for(subject, network)
    plain = seeded(kind, network, inputs)
    wanted = _backward(network, plain)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        found = run_compiled(call, kind, network, inputs)
    all_same(found, plain, "compiled")
    for name, gradient in _backward(network, found).items():
        other = wanted[name]
        require((gradient is None) == (other is None), f"compiled, {name} gains or loses its gradient")
        if gradient is not None and other is not None:
            same(gradient, other, f"compiled, the gradient of {name}", relative=1e-3, absolute=1e-4)


def _training(network: Any) -> Any:
    return network.train() if isinstance(network, nn.Module) else network


def _state(network: Any) -> Tensors:
    return copy.deepcopy(_tensors(network)) if isinstance(network, nn.Module) else {}


def _tensors(network: nn.Module) -> Tensors:
    """The state without what modules may add to it that is no tensor."""
    return {name: one for name, one in network.state_dict().items() if isinstance(one, Tensor)}


@torch.no_grad()
def _trained_a_little(network: nn.Module) -> None:
    """Move every number of the state, so that none is what a constructor makes."""
    generator = torch.Generator().manual_seed(11)
    for one in _tensors(network).values():
        if one.is_floating_point():
            one.mul_(1 + 0.1 * torch.rand(one.shape, generator=generator))


def _gradients(subject: Subject, network: Any, *, scale: float) -> dict[str, Tensor | None]:
    """The gradients of weights and inputs, in training mode."""
    inputs = inputs_for(subject, network)
    given = {
        name: (scale * one).requires_grad_() if one.is_floating_point() else one
        for name, one in inputs.items()
    }
    total = _total(seeded(subject.component.kind, network, given))
    if total.requires_grad:
        total.backward()  # type: ignore[no-untyped-call]
    found = {name: one.grad for name, one in given.items() if one.requires_grad}
    return {**found, **_weight_gradients(network)}


def _total(outputs: Tensors) -> Tensor:
    """A scalar that every output has a part in, each number with a weight of its own."""
    parts = [
        (one.float() * torch.linspace(0.5, 1.5, one.numel()).reshape(one.shape)).sum()
        for one in outputs.values()
        if one.is_floating_point()
    ]
    return torch.stack(parts).sum()


def _weight_gradients(network: Any) -> dict[str, Tensor | None]:
    if not isinstance(network, nn.Module):
        return {}
    return {f"weight {name}": one.grad for name, one in network.named_parameters() if one.requires_grad}


def _backward(network: Any, outputs: Tensors) -> dict[str, Tensor | None]:
    """The gradients of one call, copied; the network forgets them."""
    total = _total(outputs)
    if total.requires_grad:
        total.backward()  # type: ignore[no-untyped-call]
    found = {name: None if one is None else one.clone() for name, one in _weight_gradients(network).items()}
    if isinstance(network, nn.Module):
        network.zero_grad(set_to_none=True)
    return found


CHECKS: tuple[Callable[[Subject], None], ...] = (
    state_dict_round_trip,
    meta_device,
    batch_of_one,
    other_specs,
    train_and_eval_modes,
    finite_gradients,
    every_weight_learns,
    autocast,
    compile,
)
