"""Calls a loss in the steps that its spec describes, and reads the gradients."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from attnforge.interfaces import AdversarialStep, Progress
from attnforge.optional import Varies
from attnforge.testing.compiling import run_compiled
from attnforge.testing.examples import adversarial_step
from attnforge.testing.examples.steps import STEPS
from attnforge.testing.subject import Subject

MAX_VARIANTS = 3
"""How many of the steps that a loss computes differently are checked."""
_SECOND_DERIVATIVES = "does not currently support double backward"
"""Torch's message about second derivatives in compiled code."""


def step_of(subject: Subject, **options: Any) -> tuple[AdversarialStep, dict[str, nn.Module]]:
    """An adversarial step as the subject's spec describes it; see `adversarial_step`."""
    return adversarial_step(subject.spec(), **options)


def varied_steps(subject: Subject) -> list[int]:
    """The number of the first step of each variant; of the first step of all, if the loss does not vary."""
    loss = subject.build()
    if not isinstance(loss, Varies):
        return [0]
    first: dict[Hashable, int] = {}
    for number in range(STEPS):
        first.setdefault(loss.variant(Progress(step=number, steps=STEPS, batch_size=4, images=8)), number)
    return list(first.values())[:MAX_VARIANTS]


def terms_of(loss: Any, side: str, step: AdversarialStep) -> dict[str, Tensor]:
    """The terms of a side; a loss that draws noise draws the same in every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return _call(loss, side, step)


def terms_of_steps(subject: Subject, side: str) -> Iterator[tuple[dict[str, Tensor], dict[str, nn.Module]]]:
    """The terms of a side in each variant that has some, with the step's networks."""
    for number in varied_steps(subject):
        step, networks = step_of(subject, number=number)
        terms = terms_of(subject.build(), side, step)
        if terms:
            yield terms, networks


def compiled_terms(loss: Any, side: str, step: AdversarialStep) -> dict[str, Tensor]:
    """The terms of a compiled loss, whose gradients are then in the networks."""
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            terms = run_compiled(_call, loss, side, step)
        backward(terms)
    except RuntimeError as error:
        if _SECOND_DERIVATIVES not in str(error):
            raise
        message = (
            f"the {side}'s terms differentiate twice, which compiled code cannot: decorate the function that "
            "calls the discriminator and `torch.autograd.grad` with `@torch.compiler.disable`"
        )
        raise AssertionError(message) from error
    return terms


def backward(terms: Mapping[str, Tensor]) -> None:
    """Compute the gradients of the sum of all terms."""
    total = [term for term in terms.values() if term.requires_grad]
    if total:
        torch.stack(total).sum().backward()  # type: ignore[no-untyped-call]


def gradients_of(network: nn.Module) -> list[Tensor]:
    """The gradients of a network's weights, of those that have one."""
    return [weight.grad for weight in network.parameters() if weight.grad is not None]


def named_gradients(network: nn.Module) -> dict[str, Tensor]:
    """The same by the names of the weights."""
    return {name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None}


def has_gradient(network: nn.Module) -> bool:
    """Whether some weight has a gradient that is not zero."""
    return any(bool(gradient.any()) for gradient in gradients_of(network))


def _call(loss: Any, side: str, step: AdversarialStep) -> dict[str, Tensor]:
    method = loss.generator if side == "generator" else loss.discriminator
    terms: dict[str, Tensor] = method(step)
    return terms
