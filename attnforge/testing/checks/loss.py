"""What a loss promises: named scalars, and gradients only for the networks that it trains."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from attnforge.errors import AttnforgeError
from attnforge.interfaces import AdversarialStep, Progress
from attnforge.optional import Varies
from attnforge.specs import LossSpec
from attnforge.testing.compiling import run_compiled
from attnforge.testing.examples import adversarial_step
from attnforge.testing.examples.steps import STEPS
from attnforge.testing.expect import assert_all_close, assert_close, assert_finite, require
from attnforge.testing.subject import Subject

SIDES = ("generator", "discriminator")
BFLOAT16_TOLERANCE = 0.1
"""How far a term under autocast may be off, relative to the larger of its size and one."""
MAX_VARIANTS = 3
"""How many of the steps that a loss computes differently are checked."""
COMPARED_STEPS = (0, 1, 2, 3, 4, 7, 8, 15, 16, STEPS // 2, STEPS - 1)
"""The steps, by number, in which the terms are compared: those of usual intervals, and their neighbours."""
_SECOND_DERIVATIVES = "does not currently support double backward"
"""What torch says of second derivatives in compiled code."""


def named_scalars(subject: Subject) -> None:
    """`generator` and `discriminator` return finite scalars by name, and are not both empty."""
    numbers = _numbers(subject)
    terms_of = {
        side: [_terms(subject.build(), side, _step(subject, number=number)[0]) for number in numbers]
        for side in SIDES
    }
    require(
        any(terms for steps in terms_of.values() for terms in steps),
        "neither `generator` nor `discriminator` returns a term",
    )
    for side, steps in terms_of.items():
        for terms in steps:
            _require_named_scalars(terms, f"of the {side}")


def other_specs(subject: Subject) -> None:
    """Built for other networks, such as one-way discriminators, it works or raises an AttnforgeError."""
    spec: LossSpec = subject.spec()
    box = {"box": (4,), **spec.extras}
    cases: dict[str, tuple[LossSpec, bool]] = {
        "one-way discriminators": (replace(spec, unconditional=False), False),
        "discriminators with a logit for each patch": (spec, True),
        "a generator of one image size": (replace(spec, image_sizes=spec.image_sizes[-1:]), False),
        "a generator that draws no condition": (replace(spec, condition=None), False),
        "a recipe without an image encoder": (replace(spec, image_encoder=False), False),
        "data with a box": (replace(spec, extras=box), False),
        "other widths": (replace(spec, words=spec.words + 1, vocabulary_size=7), False),
    }
    for case, (other, patches) in cases.items():
        try:
            loss = subject.build(spec=other)
        except AttnforgeError:
            continue
        for side in SIDES:
            step, _ = adversarial_step(other, patches=patches)
            try:
                terms = _terms(loss, side, step)
            except Exception as error:
                message = f"the {side}'s terms for {case}: {type(error).__name__}: {error}"
                raise AssertionError(message) from error
            _require_named_scalars(terms, f"of the {side} for {case}")


def same_names_every_step(subject: Subject) -> None:
    """The terms have the same names in every step, so that logged curves have no gaps."""
    loss = subject.build()
    for side in SIDES:
        for number in _numbers(subject):
            steps = [_step(subject, batch=batch, seed=batch, number=number)[0] for batch in (4, 2, 3)]
            names = [sorted(_terms(loss, side, step)) for step in steps]
            same = names[0] == names[1] == names[2]
            require(same, f"the names of the {side}'s terms change between steps: {names}")


def varies_as_declared(subject: Subject) -> None:
    """Steps with the same `variant` compute the same, since CUDA graphs replay one for the other."""
    loss = subject.build()
    for side in SIDES:
        first: dict[Hashable, tuple[int, dict[str, Tensor]]] = {}
        for number in COMPARED_STEPS:
            step, _ = _step(subject, number=number)
            variant = loss.variant(step.progress) if isinstance(loss, Varies) else None
            terms = {name: term.detach() for name, term in _terms(loss, side, step).items()}
            earlier, expected = first.setdefault(variant, (number, terms))
            hint = "a loss that depends on `progress` needs `variant`; see `attnforge.optional.Varies`"
            require(
                sorted(terms) == sorted(expected),
                f"the {side}'s terms are {sorted(expected)} in step {earlier} and {sorted(terms)} in step "
                f"{number}: {hint}",
            )
            for name, term in terms.items():
                what = f"`{name}` of the {side} in step {number}, compared with step {earlier} ({hint})"
                assert_close(term, expected[name], what)


def batch_of_one(subject: Subject) -> None:
    """The terms are finite for a batch of one image."""
    loss = subject.build()
    for side in SIDES:
        for number in _numbers(subject):
            for name, term in _terms(loss, side, _step(subject, batch=1, number=number)[0]).items():
                assert_finite(term, f"`{name}` of the {side} for a batch of one")


def generator_terms_reach_the_generator(subject: Subject) -> None:
    """The generator's terms have gradients with respect to the generator."""
    for terms, networks in _terms_of_steps(subject, "generator"):
        _backward(terms)
        require(_has_gradient(networks["generator"]), "the generator's terms give the generator no gradient")


def discriminator_terms_detach_fake_images(subject: Subject) -> None:
    """The discriminators' terms send no gradient into the generator: fake images are detached."""
    for terms, networks in _terms_of_steps(subject, "discriminator"):
        _backward(terms)
        message = "the discriminators' terms send gradients into the generator: detach the fake images"
        require(not _has_gradient(networks["generator"]), message)


def discriminator_terms_reach_the_discriminators(subject: Subject) -> None:
    """The discriminators' terms have gradients with respect to every discriminator."""
    sizes = subject.spec().image_sizes
    for terms, networks in _terms_of_steps(subject, "discriminator"):
        _backward(terms)
        for size, discriminator in zip(sizes, networks["discriminators"].children(), strict=True):
            require(_has_gradient(discriminator), f"the discriminator of {size} pixels gets no gradient")


def finite_gradients(subject: Subject) -> None:
    """Gradients of all terms are finite, also for a batch of one and for identical captions."""
    loss = subject.build()
    cases: dict[str, Callable[..., tuple[AdversarialStep, dict[str, nn.Module]]]] = {
        "": partial(_step, subject),
        " for a batch of one": partial(_step, subject, batch=1),
        " for identical captions": partial(_step, subject, identical=True),
    }
    for case, make in cases.items():
        for side in SIDES:
            for number in _numbers(subject):
                step, networks = make(number=number)
                _backward(_terms(loss, side, step))
                for name, network in networks.items():
                    for gradient in _gradients(network):
                        assert_finite(gradient, f"gradient of the {side}'s terms{case} in the {name}")


def inputs_are_unchanged(subject: Subject) -> None:
    """It does not modify the tensors of the step, which other losses read too."""
    loss = subject.build()
    for number in _numbers(subject):
        step, original = _step(subject, number=number)[0], _step(subject, number=number)[0]
        for side in SIDES:
            _terms(loss, side, step)
        tensors, expected = _tensors(step), _tensors(original)
        assert_all_close(
            {name: tensor.detach() for name, tensor in tensors.items()},
            {name: tensor.detach() for name, tensor in expected.items()},
            "tensors of the step after the loss",
        )
        for name, tensor in tensors.items():
            require(
                tensor.requires_grad == expected[name].requires_grad,
                f"{name} requires gradients after the loss: differentiate with respect to a detached copy",
            )


def autocast(subject: Subject) -> None:
    """Under autocast to bfloat16 the terms are nearly the same and have finite gradients."""
    for side in SIDES:
        for number in _numbers(subject):
            exact = _terms(subject.build(), side, _step(subject, number=number)[0])
            step, networks = _step(subject, number=number)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                rounded = _terms(subject.build(), side, step)
            for name, term in exact.items():
                assert_finite(rounded[name], f"`{name}` under autocast")
                actual, expected = float(rounded[name].detach()), float(term.detach())
                close = abs(actual - expected) <= BFLOAT16_TOLERANCE * max(1.0, abs(expected))
                require(
                    close,
                    f"under autocast `{name}` is {actual:g}, expected {expected:g}: compute what rounding "
                    "changes in float32, with `attnforge.adversarial.precision`",
                )
            _backward(rounded)
            for name, network in networks.items():
                for gradient in _gradients(network):
                    assert_finite(gradient, f"gradient in the {name} under autocast")


def compile(subject: Subject) -> None:
    """Under `torch.compile` the terms and their gradients are the same."""
    for side in SIDES:
        for number in _numbers(subject):
            step, networks = _step(subject, number=number)
            expected = _terms(subject.build(), side, step)
            if not expected:
                continue
            _backward(expected)
            other, copies = _step(subject, number=number)
            actual = _compiled_terms(subject.build(), side, other)
            assert_all_close(actual, expected, f"compiled term of the {side}")
            for name in networks:
                compiled, eager = _named_gradients(copies[name]), _named_gradients(networks[name])
                assert_all_close(
                    compiled, eager, f"compiled gradient in the {name}", relative=1e-3, absolute=1e-4
                )


def _compiled_terms(loss: Any, side: str, step: AdversarialStep) -> dict[str, Tensor]:
    """The terms of a compiled loss, whose gradients are then in the networks."""
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            terms = run_compiled(_call, loss, side, step)
        _backward(terms)
    except RuntimeError as error:
        if _SECOND_DERIVATIVES not in str(error):
            raise
        message = (
            f"the {side}'s terms differentiate twice, which compiled code cannot: decorate the function that "
            "calls the discriminator and `torch.autograd.grad` with `@torch.compiler.disable`"
        )
        raise AssertionError(message) from error
    return terms


def _step(subject: Subject, **options: Any) -> tuple[AdversarialStep, dict[str, nn.Module]]:
    """An adversarial step as the subject's spec describes it; see `adversarial_step`."""
    return adversarial_step(subject.spec(), **options)


def _numbers(subject: Subject) -> list[int]:
    """The number of the first step of each variant; of the first step of all, if the loss does not vary."""
    loss = subject.build()
    if not isinstance(loss, Varies):
        return [0]
    first: dict[Hashable, int] = {}
    for number in range(STEPS):
        first.setdefault(loss.variant(_progress(number)), number)
    return list(first.values())[:MAX_VARIANTS]


def _progress(number: int) -> Progress:
    return Progress(step=number, steps=STEPS, batch_size=4, images=8)


def _terms_of_steps(subject: Subject, side: str) -> Iterator[tuple[dict[str, Tensor], dict[str, nn.Module]]]:
    """The terms of a side in each variant that has some, with the step's networks."""
    for number in _numbers(subject):
        step, networks = _step(subject, number=number)
        terms = _terms(subject.build(), side, step)
        if terms:
            yield terms, networks


def _terms(loss: Any, side: str, step: AdversarialStep) -> dict[str, Tensor]:
    """The terms of a side; a loss that samples noise samples the same in every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return _call(loss, side, step)


def _call(loss: Any, side: str, step: AdversarialStep) -> dict[str, Tensor]:
    method = loss.generator if side == "generator" else loss.discriminator
    terms: dict[str, Tensor] = method(step)
    return terms


def _require_named_scalars(terms: Mapping[str, Tensor], owner: str) -> None:
    for name, term in terms.items():
        require(isinstance(name, str) and name.strip(), f"a term {owner} is called {name!r}")
        require(isinstance(term, Tensor), f"`{name}` {owner} is a {type(term).__name__}, not a tensor")
        require(term.ndim == 0, f"`{name}` {owner} has shape {list(term.shape)}, expected []")
        require(term.is_floating_point(), f"`{name}` {owner} is {term.dtype}, not a floating type")
        assert_finite(term, f"`{name}` {owner}")


def _backward(terms: Mapping[str, Tensor]) -> None:
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
    condition = step.prompt.condition
    return {
        **{f"real image {index}": image for index, image in enumerate(step.real)},
        **{f"fake image {index}": image for index, image in enumerate(step.fake.images)},
        "words": step.prompt.words,
        "sentence": step.prompt.sentence,
        "padding": step.prompt.padding,
        "class_ids": step.batch.class_ids,
        **{f"extra {name}": value for name, value in step.prompt.extras.items()},
        **({} if condition is None else {"condition": condition.value, "mean": condition.mean}),
    }


CHECKS: tuple[Callable[[Subject], None], ...] = (
    named_scalars,
    other_specs,
    same_names_every_step,
    varies_as_declared,
    batch_of_one,
    generator_terms_reach_the_generator,
    discriminator_terms_detach_fake_images,
    discriminator_terms_reach_the_discriminators,
    finite_gradients,
    inputs_are_unchanged,
    autocast,
    compile,
)
