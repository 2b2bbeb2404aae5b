"""What a loss promises: named scalars, and gradients only for the networks that it trains."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from attnforge.errors import AttnforgeError
from attnforge.interfaces import AdversarialStep
from attnforge.optional import Varies
from attnforge.scheduled import ScheduledValues
from attnforge.specs import LossSpec
from attnforge.testing.examples import adversarial_step
from attnforge.testing.examples.steps import STEPS
from attnforge.testing.expect import assert_all_close, assert_close, assert_finite, require
from attnforge.testing.losses import (
    backward,
    compiled_terms,
    gradients_of,
    has_gradient,
    named_gradients,
    step_of,
    terms_of,
    terms_of_steps,
    varied_steps,
)
from attnforge.testing.subject import Subject

SIDES = ("generator", "discriminator")
BFLOAT16_TOLERANCE = 0.1
"""How far a term under autocast may be off, relative to the larger of its size and one."""
COMPARED_STEPS = (0, 1, 2, 3, 4, 7, 8, 15, 16, STEPS // 2, STEPS - 1)
"""The steps, by number, in which the terms are compared: those of usual intervals, and their neighbours."""


def named_scalars(subject: Subject) -> None:
    """`generator` and `discriminator` return finite scalars by name, and are not both empty."""
    numbers = varied_steps(subject)
    by_side = {
        side: [terms_of(subject.build(), side, step_of(subject, number=number)[0]) for number in numbers]
        for side in SIDES
    }
    require(
        any(terms for steps in by_side.values() for terms in steps),
        "neither `generator` nor `discriminator` returns a term",
    )
    for side, steps in by_side.items():
        for terms in steps:
            for name in terms:
                require(isinstance(name, str) and name.strip(), f"a term of the {side} is called {name!r}")
            _require_scalars(terms, f"of the {side}")


def other_specs(subject: Subject) -> None:
    """Built for other networks, such as one-way discriminators, it works or raises an AttnforgeError."""
    spec: LossSpec = subject.spec()
    box = {"box": (4,), **spec.extras}
    cases: dict[str, tuple[LossSpec, bool]] = {
        "one-way discriminators": (replace(spec, unconditional=False), False),
        "discriminators with a logit for each patch": (spec, True),
        "a generator of one image size": (replace(spec, image_sizes=spec.image_sizes[-1:]), False),
        "a generator without a condition": (replace(spec, condition=None), False),
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
                terms = terms_of(loss, side, step)
            except Exception as error:
                message = f"the {side}'s terms for {case}: {type(error).__name__}: {error}"
                raise AssertionError(message) from error
            _require_scalars(terms, f"of the {side} for {case}")


def same_names_every_step(subject: Subject) -> None:
    """The terms have the same names in every step, so that logged curves have no gaps."""
    loss = subject.build()
    for side in SIDES:
        for number in varied_steps(subject):
            steps = [step_of(subject, batch=batch, seed=batch, number=number)[0] for batch in (4, 2, 3)]
            names = [sorted(terms_of(loss, side, step)) for step in steps]
            same = names[0] == names[1] == names[2]
            require(same, f"the names of the {side}'s terms change between steps: {names}")


def varies_as_declared(subject: Subject) -> None:
    """Steps with the same `variant` compute the same, since CUDA graphs replay one for the other."""
    loss = subject.build()
    # graphs read what follows a schedule from tensors that are written before each step
    scheduled = ScheduledValues(torch.device("cpu"))
    scheduled.advance(step_of(subject)[0].progress)
    for side in SIDES:
        first: dict[Hashable, tuple[int, dict[str, Tensor]]] = {}
        for number in COMPARED_STEPS:
            step, _ = step_of(subject, number=number)
            step = replace(step, scheduled=scheduled)
            variant = loss.variant(step.progress) if isinstance(loss, Varies) else None
            terms = {name: term.detach() for name, term in terms_of(loss, side, step).items()}
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
        for number in varied_steps(subject):
            for name, term in terms_of(loss, side, step_of(subject, batch=1, number=number)[0]).items():
                assert_finite(term, f"`{name}` of the {side} for a batch of one")


def generator_terms_reach_the_generator(subject: Subject) -> None:
    """The generator's terms have gradients with respect to the generator."""
    for terms, networks in terms_of_steps(subject, "generator"):
        backward(terms)
        require(has_gradient(networks["generator"]), "the generator's terms give the generator no gradient")


def discriminator_terms_detach_fake_images(subject: Subject) -> None:
    """The discriminators' terms send no gradient into the generator: fake images are detached."""
    for terms, networks in terms_of_steps(subject, "discriminator"):
        backward(terms)
        message = "the discriminators' terms send gradients into the generator: detach the fake images"
        require(not has_gradient(networks["generator"]), message)


def discriminator_terms_reach_the_discriminators(subject: Subject) -> None:
    """The discriminators' terms have gradients with respect to every discriminator."""
    sizes = subject.spec().image_sizes
    for terms, networks in terms_of_steps(subject, "discriminator"):
        backward(terms)
        for size, discriminator in zip(sizes, networks["discriminators"].children(), strict=True):
            require(has_gradient(discriminator), f"the discriminator of {size} pixels gets no gradient")


def finite_gradients(subject: Subject) -> None:
    """Gradients of all terms are finite, also for a batch of one and for identical captions."""
    loss = subject.build()
    cases: dict[str, Callable[..., tuple[AdversarialStep, dict[str, nn.Module]]]] = {
        "": partial(step_of, subject),
        " for a batch of one": partial(step_of, subject, batch=1),
        " for identical captions": partial(step_of, subject, identical=True),
    }
    for case, make in cases.items():
        for side in SIDES:
            for number in varied_steps(subject):
                step, networks = make(number=number)
                backward(terms_of(loss, side, step))
                for name, network in networks.items():
                    for gradient in gradients_of(network):
                        assert_finite(gradient, f"gradient of the {side}'s terms{case} in the {name}")


def inputs_are_unchanged(subject: Subject) -> None:
    """It does not modify the tensors of the step, which other losses read too."""
    loss = subject.build()
    for number in varied_steps(subject):
        step, original = step_of(subject, number=number)[0], step_of(subject, number=number)[0]
        for side in SIDES:
            terms_of(loss, side, step)
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
        for number in varied_steps(subject):
            exact = terms_of(subject.build(), side, step_of(subject, number=number)[0])
            step, networks = step_of(subject, number=number)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                rounded = terms_of(subject.build(), side, step)
            for name, term in exact.items():
                assert_finite(rounded[name], f"`{name}` under autocast")
                actual, expected = float(rounded[name].detach()), float(term.detach())
                close = abs(actual - expected) <= BFLOAT16_TOLERANCE * max(1.0, abs(expected))
                require(
                    close,
                    f"under autocast `{name}` is {actual:g}, expected {expected:g}: compute what rounding "
                    "changes in float32, with `attnforge.adversarial.precision`",
                )
            backward(rounded)
            for name, network in networks.items():
                for gradient in gradients_of(network):
                    assert_finite(gradient, f"gradient in the {name} under autocast")


def compile(subject: Subject) -> None:
    """Under `torch.compile` the terms and their gradients are the same."""
    for side in SIDES:
        for number in varied_steps(subject):
            step, networks = step_of(subject, number=number)
            expected = terms_of(subject.build(), side, step)
            if not expected:
                continue
            backward(expected)
            other, copies = step_of(subject, number=number)
            actual = compiled_terms(subject.build(), side, other)
            assert_all_close(actual, expected, f"compiled term of the {side}")
            for name in networks:
                compiled, eager = named_gradients(copies[name]), named_gradients(networks[name])
                assert_all_close(
                    compiled, eager, f"compiled gradient in the {name}", relative=1e-3, absolute=1e-4
                )


def _require_scalars(terms: Mapping[str, Tensor], owner: str) -> None:
    for name, term in terms.items():
        require(isinstance(term, Tensor), f"`{name}` {owner} is a {type(term).__name__}, not a tensor")
        require(term.ndim == 0, f"`{name}` {owner} has shape {list(term.shape)}, expected []")
        require(term.is_floating_point(), f"`{name}` {owner} is {term.dtype}, not a floating type")
        assert_finite(term, f"`{name}` {owner}")


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
