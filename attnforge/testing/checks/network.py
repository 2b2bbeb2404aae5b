"""What a network of any kind promises: state dict, devices, modes, gradients, autocast, `torch.compile`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from attnforge.errors import AttnforgeError
from attnforge.testing.compiling import run_compiled
from attnforge.testing.expect import assert_all_close, assert_close, assert_finite, for_all, require
from attnforge.testing.networks import KINDS, Tensors, call, call_seeded, in_eval_mode, inputs_for
from attnforge.testing.strategies import specs
from attnforge.testing.subject import Subject

__all__ = ["CHECKS", "KINDS"]
BFLOAT16_TOLERANCE = 0.1
"""Relative error allowed under autocast, by norm; bfloat16 rounds at 0.004."""


def state_dict_round_trip(subject: Subject) -> None:
    """Another instance that loads its state dict gives the same outputs."""
    kind = subject.component.kind
    first, second = in_eval_mode(subject.build(seed=1)), in_eval_mode(subject.build(seed=2))
    if isinstance(first, nn.Module):
        _perturb(first)
        second.load_state_dict(copy.deepcopy(first.state_dict()))
    inputs = inputs_for(subject, first)
    what = "another instance with the same state dict"
    with torch.no_grad():
        assert_all_close(call_seeded(kind, second, inputs), call_seeded(kind, first, inputs), what)


def meta_device(subject: Subject) -> None:
    """It can be built on the meta device, with weights of the same names and shapes."""
    real = subject.build()
    with torch.device("meta"):
        meta = subject.build()
    if not isinstance(real, nn.Module):
        return
    expected = {name: tensor.shape for name, tensor in _tensors(real).items()}
    actual = {name: tensor.shape for name, tensor in _tensors(meta).items()}
    require(actual == expected, "on the meta device the weights have different names or shapes")
    fixed = [name for name, weight in meta.named_parameters() if weight.device.type != "meta"]
    require(not fixed, f"these weights are created on a fixed device: {', '.join(fixed[:3])}")


def batch_of_one(subject: Subject) -> None:
    """In evaluation mode a batch of one has outputs of the same shapes as a larger batch."""
    kind, network = subject.component.kind, in_eval_mode(subject.build())
    with torch.no_grad():
        several = call_seeded(kind, network, inputs_for(subject, network, batch=2))
        single = call_seeded(kind, network, inputs_for(subject, network, batch=1))
    for name, output in single.items():
        assert_finite(output, f"{name} of a batch of one")
        shape, expected = list(output.shape), [1, *several[name].shape[1:]]
        require(shape == expected, f"{name} of a batch of one has shape {shape}, expected {expected}")


def other_specs(subject: Subject) -> None:
    """It works with other specs, including odd widths, or refuses a spec with an AttnforgeError."""
    kind = subject.component.kind

    def holds(spec: Any) -> None:
        variant = replace(subject, spec_source=spec)
        try:
            network = in_eval_mode(variant.build())
        except AttnforgeError:
            return
        with torch.no_grad():
            for name, output in call_seeded(kind, network, inputs_for(variant, network, batch=2)).items():
                assert_finite(output, f"{name} with {spec}")
                require(len(output) == 2, f"{name} of 2 items with {spec} has shape {list(output.shape)}")

    for_all(specs(kind), holds, examples=5)


def train_and_eval_modes(subject: Subject) -> None:
    """`train()` and `eval()` reach every submodule, and in evaluation mode a call changes no state."""
    network = subject.build()
    inputs = inputs_for(subject, network)
    if isinstance(network, nn.Module):
        require(network.train() is network, "`train()` does not return the network")
        require(network.training, "`train()` leaves the network in evaluation mode")
        require(network.eval() is network, "`eval()` does not return the network")
        training = [name or "the network" for name, part in network.named_modules() if part.training]
        require(not training, f"still in training mode after `eval()`: {', '.join(training[:3])}")
    before = _state(network)
    with torch.no_grad():
        first = call_seeded(subject.component.kind, network, inputs)
        second = call_seeded(subject.component.kind, network, inputs)
    assert_all_close(_state(network), before, "state after a call in evaluation mode")
    assert_all_close(second, first, "second call in evaluation mode")


def finite_gradients(subject: Subject) -> None:
    """Gradients of its weights and inputs are finite, also for inputs of zeros."""
    for name, scale in (("random", 1.0), ("zero", 0.0)):
        network = _in_train_mode(subject.build())
        for what, gradient in _gradients(subject, network, scale=scale).items():
            if gradient is not None:
                assert_finite(gradient, f"gradient of {what} for {name} inputs")


def every_weight_gets_a_gradient(subject: Subject) -> None:
    """Every weight that requires a gradient gets one; distributed training fails on unused weights."""
    network = _in_train_mode(subject.build())
    gradients = _gradients(subject, network, scale=1.0)
    unused = [name for name, gradient in gradients.items() if name.startswith("weight ") and gradient is None]
    require(not unused, f"these weights get no gradient: {', '.join(unused[:3])}")


def autocast(subject: Subject) -> None:
    """Under autocast to bfloat16 its outputs are nearly the same and its gradients are finite."""
    kind, network = subject.component.kind, in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    exact, other = (call_seeded(kind, network, inputs, seed=seed) for seed in (7, 8))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = call_seeded(kind, network, inputs)
    for name, expected in exact.items():
        assert_finite(rounded[name], f"{name} under autocast")
        # Outputs that depend on the seed are skipped: random numbers differ in bfloat16.
        if expected.is_floating_point() and torch.equal(expected, other[name]):
            difference = (rounded[name].float() - expected).norm() / expected.norm().clamp_min(1e-2)
            error = float(difference.detach())
            require(error <= BFLOAT16_TOLERANCE, f"under autocast {name} is off by {100 * error:.0f} percent")
    if _total(rounded).requires_grad:
        _total(rounded).backward()  # type: ignore[no-untyped-call]
        for name, gradient in _weight_gradients(network).items():
            if gradient is not None:
                assert_finite(gradient, f"gradient of {name} under autocast")


def compile(subject: Subject) -> None:
    """Under `torch.compile` its outputs and gradients are the same."""
    kind, network = subject.component.kind, in_eval_mode(subject.build())
    inputs = inputs_for(subject, network)
    eager = call_seeded(kind, network, inputs)
    expected = _backward(network, eager)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        compiled = run_compiled(call, kind, network, inputs)
    assert_all_close(compiled, eager, "compiled output")
    for name, gradient in _backward(network, compiled).items():
        other = expected[name]
        require((gradient is None) == (other is None), f"compiled, {name} gains or loses its gradient")
        if gradient is not None and other is not None:
            assert_close(gradient, other, f"compiled gradient of {name}", relative=1e-3, absolute=1e-4)


def _in_train_mode(network: Any) -> Any:
    return network.train() if isinstance(network, nn.Module) else network


def _state(network: Any) -> Tensors:
    return copy.deepcopy(_tensors(network)) if isinstance(network, nn.Module) else {}


def _tensors(network: nn.Module) -> Tensors:
    """The tensors of the state dict, to which modules may add other objects."""
    return {name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)}


@torch.no_grad()
def _perturb(network: nn.Module) -> None:
    """Change every number of the state, so that none has its initial value."""
    generator = torch.Generator().manual_seed(11)
    for tensor in _tensors(network).values():
        if tensor.is_floating_point():
            tensor.mul_(1 + 0.1 * torch.rand(tensor.shape, generator=generator))


def _gradients(subject: Subject, network: Any, *, scale: float) -> dict[str, Tensor | None]:
    """The gradients of weights and inputs, in training mode."""
    inputs = {
        name: (scale * tensor).requires_grad_() if tensor.is_floating_point() else tensor
        for name, tensor in inputs_for(subject, network).items()
    }
    total = _total(call_seeded(subject.component.kind, network, inputs))
    if total.requires_grad:
        total.backward()  # type: ignore[no-untyped-call]
    of_inputs = {name: tensor.grad for name, tensor in inputs.items() if tensor.requires_grad}
    return {**of_inputs, **_weight_gradients(network)}


def _total(outputs: Tensors) -> Tensor:
    """A weighted sum of all outputs, with a different weight for each number."""
    parts = [
        (output.float() * torch.linspace(0.5, 1.5, output.numel()).reshape(output.shape)).sum()
        for output in outputs.values()
        if output.is_floating_point()
    ]
    return torch.stack(parts).sum()


def _weight_gradients(network: Any) -> dict[str, Tensor | None]:
    if not isinstance(network, nn.Module):
        return {}
    return {
        f"weight {name}": weight.grad for name, weight in network.named_parameters() if weight.requires_grad
    }


def _backward(network: Any, outputs: Tensors) -> dict[str, Tensor | None]:
    """Copies of the weights' gradients; those of the network are reset."""
    total = _total(outputs)
    if total.requires_grad:
        total.backward()  # type: ignore[no-untyped-call]
    gradients = {
        name: None if gradient is None else gradient.clone()
        for name, gradient in _weight_gradients(network).items()
    }
    if isinstance(network, nn.Module):
        network.zero_grad(set_to_none=True)
    return gradients


CHECKS: tuple[Callable[[Subject], None], ...] = (
    state_dict_round_trip,
    meta_device,
    batch_of_one,
    other_specs,
    train_and_eval_modes,
    finite_gradients,
    every_weight_gets_a_gradient,
    autocast,
    compile,
)
