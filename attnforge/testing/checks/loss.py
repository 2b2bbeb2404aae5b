"""What a loss promises: named scalars, and gradients only where its side of the game learns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from attnforge.interfaces import AdversarialStep
from attnforge.testing.compiling import run_compiled
from attnforge.testing.examples import game
from attnforge.testing.expect import all_same, finite, require
from attnforge.testing.subject import Subject

SIDES = ("generator", "discriminator")
BFLOAT16 = 0.1
"""How far a term under autocast may be off, relative to its size or to one."""


def named_scalars(subject: Subject) -> None:
    """Each side gives finite scalars by name, and at least one side gives any."""
    found = {side: _terms(subject.build(), side, game()[0]) for side in SIDES}
    require(any(found.values()), "neither side gives a term: the loss takes no part in the game")
    for side, terms in found.items():
        for name, term in terms.items():
            require(isinstance(name, str) and name.strip(), f"a term of the {side} has the name {name!r}")
            require(isinstance(term, Tensor), f"`{name}` of the {side} is a {type(term).__name__}")
            require(term.ndim == 0, f"`{name}` of the {side} has the shape {list(term.shape)}, not []")
            require(term.is_floating_point(), f"`{name}` of the {side} has the type {term.dtype}")
            finite(term, f"`{name}` of the {side}")


def same_names_every_step(subject: Subject) -> None:
    """The terms have the same names in every step, so that their curves have no gaps."""
    loss = subject.build()
    for side in SIDES:
        names = [sorted(_terms(loss, side, game(batch=batch, seed=batch)[0])) for batch in (4, 2, 3)]
        require(names[0] == names[1] == names[2], f"the {side}'s terms are called {names}")


def batch_of_one(subject: Subject) -> None:
    """A batch of one image gives finite terms, too."""
    loss = subject.build()
    for side in SIDES:
        for name, term in _terms(loss, side, game(batch=1)[0]).items():
            finite(term, f"`{name}` of the {side} with one image")


def generator_terms_reach_the_generator(subject: Subject) -> None:
    """What the generator pays has gradients that reach what it drew: its images or its condition."""
    step, networks = game()
    terms = _terms(subject.build(), "generator", step)
    if terms:
        _backward(terms)
        require(_reached(networks["generator"]), "no gradient of the generator's terms reaches the generator")


def discriminator_terms_spare_the_generator(subject: Subject) -> None:
    """What the discriminators pay sends no gradient into the generator."""
    step, networks = game()
    terms = _terms(subject.build(), "discriminator", step)
    if terms:
        _backward(terms)
        message = "gradients of the discriminators' terms reach the generator: detach the drawn images"
        require(not _reached(networks["generator"]), message)


def discriminator_terms_reach_the_discriminators(subject: Subject) -> None:
    """What the discriminators pay has gradients that reach every one of them."""
    step, _ = game()
    terms = _terms(subject.build(), "discriminator", step)
    if terms:
        _backward(terms)
        for place, judge in enumerate(step.discriminators):
            assert isinstance(judge, nn.Module)  # noqa: S101  (an example)
            size = step.real[place].shape[-1]
            require(_reached(judge), f"no gradient reaches the discriminator of {size} pixels")


def finite_gradients(subject: Subject) -> None:
    """Gradients of all terms are finite, also for a batch of one and for captions that are all the same."""
    loss = subject.build()
    cases: dict[str, Callable[[], tuple[AdversarialStep, dict[str, nn.Module]]]] = {
        "": game,
        " with one image": partial(game, batch=1),
        " of one caption": partial(game, alike=True),
    }
    for case, make in cases.items():
        for side in SIDES:
            step, networks = make()
            _backward(_terms(loss, side, step))
            for name, network in networks.items():
                for gradient in _gradients(network):
                    finite(gradient, f"a gradient of the {side}'s terms{case} in the {name}")


def inputs_stay(subject: Subject) -> None:
    """It changes none of the tensors that it is given: other losses read them, too."""
    loss = subject.build()
    step, untouched = game()[0], game()[0]
    for side in SIDES:
        _terms(loss, side, step)
    all_same(_tensors(step), _tensors(untouched), "what the loss was given")


def autocast(subject: Subject) -> None:
    """Under autocast to bfloat16 the terms are nearly the same, with finite gradients."""
    for side in SIDES:
        exact = _terms(subject.build(), side, game()[0])
        step, networks = game()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = _terms(subject.build(), side, step)
        for name, wanted in exact.items():
            finite(rounded[name], f"`{name}` under autocast")
            found, right = float(rounded[name].detach()), float(wanted.detach())
            near = abs(found - right) <= BFLOAT16 * max(1.0, abs(right))
            require(near, f"under autocast `{name}` is {found:g}, not {right:g}")
        _backward(rounded)
        for name, network in networks.items():
            for gradient in _gradients(network):
                finite(gradient, f"a gradient in the {name} under autocast")


def compile(subject: Subject) -> None:
    """Under `torch.compile` the terms and their gradients are the same."""
    for side in SIDES:
        step, networks = game()
        wanted = _terms(subject.build(), side, step)
        if not wanted:
            continue
        _backward(wanted)
        other, copies = game()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            found = run_compiled(_terms, subject.build(), side, other)
        all_same(found, wanted, f"compiled, a term of the {side}")
        _backward(found)
        for name in networks:
            one, two = _named_gradients(copies[name]), _named_gradients(networks[name])
            all_same(one, two, f"compiled, the gradient in the {name}", relative=1e-3, absolute=1e-4)


def _terms(loss: Any, side: str, step: AdversarialStep) -> dict[str, Tensor]:
    method = loss.generator if side == "generator" else loss.discriminator
    terms: dict[str, Tensor] = method(step)
    return terms


def _backward(terms: dict[str, Tensor]) -> None:
    total = [term for term in terms.values() if term.requires_grad]
    if total:
        torch.stack(total).sum().backward()  # type: ignore[no-untyped-call]


def _gradients(network: nn.Module) -> list[Tensor]:
    return [one.grad for one in network.parameters() if one.grad is not None]


def _named_gradients(network: nn.Module) -> dict[str, Tensor]:
    return {name: one.grad for name, one in network.named_parameters() if one.grad is not None}


def _reached(network: nn.Module) -> bool:
    return any(bool(gradient.any()) for gradient in _gradients(network))


def _tensors(step: AdversarialStep) -> dict[str, Tensor]:
    return {
        **{f"real {index}": one for index, one in enumerate(step.real)},
        **{f"fake {index}": one.detach() for index, one in enumerate(step.fake.images)},
        "words": step.text.words,
        "sentence": step.text.sentence,
        "padding": step.text.padding,
        "class_ids": step.class_ids,
    }


CHECKS: tuple[Callable[[Subject], None], ...] = (
    named_scalars,
    same_names_every_step,
    batch_of_one,
    generator_terms_reach_the_generator,
    discriminator_terms_spare_the_generator,
    discriminator_terms_reach_the_discriminators,
    finite_gradients,
    inputs_stay,
    autocast,
    compile,
)
