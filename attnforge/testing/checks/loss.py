"""What a loss promises: named scalars, and gradients only for the networks that it trains."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from attnforge.interfaces import AdversarialStep
from attnforge.testing.compiling import run_compiled
from attnforge.testing.examples import adversarial_step
from attnforge.testing.expect import assert_all_close, assert_finite, require
from attnforge.testing.subject import Subject

SIDES = ("generator", "discriminator")
BFLOAT16_TOLERANCE = 0.1
"""How far a term under autocast may be off, relative to the larger of its size and one."""


def named_scalars(subject: Subject) -> None:
    """`generator` and `discriminator` return finite scalars by name, and are not both empty."""
    terms_of = {side: _terms(subject.build(), side, adversarial_step()[0]) for side in SIDES}
    require(any(terms_of.values()), "neither `generator` nor `discriminator` returns a term")
    for side, terms in terms_of.items():
        for name, term in terms.items():
            require(isinstance(name, str) and name.strip(), f"a term of the {side} is called {name!r}")
            require(
                isinstance(term, Tensor), f"`{name}` of the {side} is a {type(term).__name__}, not a tensor"
            )
            require(term.ndim == 0, f"`{name}` of the {side} has shape {list(term.shape)}, expected []")
            require(term.is_floating_point(), f"`{name}` of the {side} is {term.dtype}, not a floating type")
            assert_finite(term, f"`{name}` of the {side}")


def same_names_every_step(subject: Subject) -> None:
    """The terms have the same names in every step, so that logged curves have no gaps."""
    loss = subject.build()
    for side in SIDES:
        steps = [adversarial_step(batch=batch, seed=batch)[0] for batch in (4, 2, 3)]
        names = [sorted(_terms(loss, side, step)) for step in steps]
        require(
            names[0] == names[1] == names[2], f"the names of the {side}'s terms change between steps: {names}"
        )


def batch_of_one(subject: Subject) -> None:
    """The terms are finite for a batch of one image."""
    loss = subject.build()
    for side in SIDES:
        for name, term in _terms(loss, side, adversarial_step(batch=1)[0]).items():
            assert_finite(term, f"`{name}` of the {side} for a batch of one")


def generator_terms_reach_the_generator(subject: Subject) -> None:
    """The generator's terms have gradients with respect to the generator."""
    step, networks = adversarial_step()
    terms = _terms(subject.build(), "generator", step)
    if terms:
        _backward(terms)
        require(_has_gradient(networks["generator"]), "the generator's terms give the generator no gradient")


def discriminator_terms_detach_fake_images(subject: Subject) -> None:
    """The discriminators' terms send no gradient into the generator: fake images are detached."""
    step, networks = adversarial_step()
    terms = _terms(subject.build(), "discriminator", step)
    if terms:
        _backward(terms)
        message = "the discriminators' terms send gradients into the generator: detach the fake images"
        require(not _has_gradient(networks["generator"]), message)


def discriminator_terms_reach_the_discriminators(subject: Subject) -> None:
    """The discriminators' terms have gradients with respect to every discriminator."""
    step, _ = adversarial_step()
    terms = _terms(subject.build(), "discriminator", step)
    if terms:
        _backward(terms)
        for real, discriminator in zip(step.real, step.discriminators, strict=True):
            assert isinstance(discriminator, nn.Module)  # noqa: S101  (an example)
            size = real.shape[-1]
            require(_has_gradient(discriminator), f"the discriminator of {size} pixels gets no gradient")


def finite_gradients(subject: Subject) -> None:
    """Gradients of all terms are finite, also for a batch of one and for identical captions."""
    loss = subject.build()
    cases: dict[str, Callable[[], tuple[AdversarialStep, dict[str, nn.Module]]]] = {
        "": adversarial_step,
        " for a batch of one": partial(adversarial_step, batch=1),
        " for identical captions": partial(adversarial_step, identical=True),
    }
    for case, make in cases.items():
        for side in SIDES:
            step, networks = make()
            _backward(_terms(loss, side, step))
            for name, network in networks.items():
                for gradient in _gradients(network):
                    assert_finite(gradient, f"gradient of the {side}'s terms{case} in the {name}")


def inputs_are_unchanged(subject: Subject) -> None:
    """It does not modify the tensors of the step, which other losses read too."""
    loss = subject.build()
    step, original = adversarial_step()[0], adversarial_step()[0]
    for side in SIDES:
        _terms(loss, side, step)
    assert_all_close(_tensors(step), _tensors(original), "tensors of the step after the loss")


def autocast(subject: Subject) -> None:
    """Under autocast to bfloat16 the terms are nearly the same and have finite gradients."""
    for side in SIDES:
        exact = _terms(subject.build(), side, adversarial_step()[0])
        step, networks = adversarial_step()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = _terms(subject.build(), side, step)
        for name, term in exact.items():
            assert_finite(rounded[name], f"`{name}` under autocast")
            actual, expected = float(rounded[name].detach()), float(term.detach())
            close = abs(actual - expected) <= BFLOAT16_TOLERANCE * max(1.0, abs(expected))
            require(close, f"under autocast `{name}` is {actual:g}, expected {expected:g}")
        _backward(rounded)
        for name, network in networks.items():
            for gradient in _gradients(network):
                assert_finite(gradient, f"gradient in the {name} under autocast")


def compile(subject: Subject) -> None:
    """Under `torch.compile` the terms and their gradients are the same."""
    for side in SIDES:
        step, networks = adversarial_step()
        expected = _terms(subject.build(), side, step)
        if not expected:
            continue
        _backward(expected)
        other, copies = adversarial_step()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            actual = run_compiled(_call, subject.build(), side, other)
        assert_all_close(actual, expected, f"compiled term of the {side}")
        _backward(actual)
        for name in networks:
            compiled, eager = _named_gradients(copies[name]), _named_gradients(networks[name])
            assert_all_close(
                compiled, eager, f"compiled gradient in the {name}", relative=1e-3, absolute=1e-4
            )


def _terms(loss: Any, side: str, step: AdversarialStep) -> dict[str, Tensor]:
    """The terms of a side; a loss that draws noise draws the same in every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return _call(loss, side, step)


def _call(loss: Any, side: str, step: AdversarialStep) -> dict[str, Tensor]:
    method = loss.generator if side == "generator" else loss.discriminator
    terms: dict[str, Tensor] = method(step)
    return terms


def _backward(terms: dict[str, Tensor]) -> None:
    total = [term for term in terms.values() if term.requires_grad]
    if total:
        torch.stack(total).sum().backward()  # type: ignore[no-untyped-call]


def _gradients(network: nn.Module) -> list[Tensor]:
    return [weight.grad for weight in network.parameters() if weight.grad is not None]


def _named_gradients(network: nn.Module) -> dict[str, Tensor]:
    return {name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None}


def _has_gradient(network: nn.Module) -> bool:
    return any(bool(gradient.any()) for gradient in _gradients(network))


def _tensors(step: AdversarialStep) -> dict[str, Tensor]:
    return {
        **{f"real {index}": image for index, image in enumerate(step.real)},
        **{f"fake {index}": image.detach() for index, image in enumerate(step.fake.images)},
        "words": step.prompt.words,
        "sentence": step.prompt.sentence,
        "padding": step.prompt.padding,
        "class_ids": step.batch.class_ids,
    }


CHECKS: tuple[Callable[[Subject], None], ...] = (
    named_scalars,
    same_names_every_step,
    batch_of_one,
    generator_terms_reach_the_generator,
    discriminator_terms_detach_fake_images,
    discriminator_terms_reach_the_discriminators,
    finite_gradients,
    inputs_are_unchanged,
    autocast,
    compile,
)
