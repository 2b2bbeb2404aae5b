"""What a kernel promises: it refuses with a reason, or gives what the operation's definition gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attnforge.kernels.operations import operations
from attnforge.testing.expect import finite, require
from attnforge.testing.kernel_cases import Case, cases_of, results
from attnforge.testing.subject import Subject
from attnforge.values import Situation

MORE = 2.0
"""How much larger than the error of plain torch in the same type a kernel's error may be.

Beside that, the inputs may be rounded to their type once more, as kernels do before they multiply.
"""


def name_of_an_operation(subject: Subject) -> None:
    """Its name begins with the operation that it computes, such as `word-attention-`."""
    known = [operation.name for operation in operations()]
    name = subject.component.name
    fits = any(name.startswith(f"{one}-") and len(name) > len(one) + 1 for one in known)
    require(fits, f"`{name}` does not begin with one of {', '.join(f'{one}-' for one in known)}")


def refuses_with_a_reason(subject: Subject) -> None:
    """Asked about any situation it says None or a reason in words, and never fails."""
    kernel = subject.build()
    for case in cases_of(subject.component.name):
        for device in ("cpu", "cuda", "meta"):
            for gradient in (False, True):
                asked = case.situation(gradient=gradient)
                elsewhere = Situation(
                    device=torch.device(device),
                    dtype=asked.dtype,
                    sizes={letter: 997 * size for letter, size in asked.sizes.items()},
                    gradient=gradient,
                    options=asked.options,
                )
                for situation in (asked, elsewhere):
                    said = kernel.refuse(situation)
                    right = said is None or (isinstance(said, str) and said.strip())
                    require(right, f"`refuse` says {said!r}, which is neither None nor a reason")


def runs_somewhere(subject: Subject) -> None:
    """On this machine there is a situation that it does not refuse; otherwise nothing here was checked."""
    kernel = subject.build()
    refused = {kernel.refuse(case.situation(gradient=False)) for case in cases_of(subject.component.name)}
    reasons = "; ".join(sorted(str(one) for one in refused)[:3])
    require(None in refused, f"it refuses every situation that this machine can try: {reasons}")


def as_the_reference(subject: Subject) -> None:
    """Where it does not refuse it runs, nearly as exact as plain torch in the same type."""
    kernel = subject.build()
    for case in cases_of(subject.component.name):
        if kernel.refuse(case.situation(gradient=False)) is None:
            exact = case.reference(*case.inputs(torch.float64))
            found = _run(kernel, case, case.inputs())
            _near(found, case.reference(*case.inputs()), exact, case)


def gradients_as_the_reference(subject: Subject) -> None:
    """Where it does not refuse a gradient, backward passes are nearly as exact as those of plain torch."""
    kernel = subject.build()
    for case in cases_of(subject.component.name):
        if kernel.refuse(case.situation(gradient=True)) is None:
            exact = _gradients(case.reference, case.inputs(torch.float64))
            plain = _gradients(case.reference, case.inputs())

            def run(*inputs: Tensor, case: Case = case) -> tuple[Tensor, ...]:
                return _run(kernel, case, inputs)

            _near(_gradients(run, case.inputs()), plain, exact, case)


def inputs_stay(subject: Subject) -> None:
    """It writes into none of its inputs."""
    kernel = subject.build()
    for case in cases_of(subject.component.name):
        if kernel.refuse(case.situation(gradient=False)) is None:
            inputs = case.inputs()
            _run(kernel, case, inputs)
            for one, kept in zip(inputs, case.inputs(), strict=True):
                require(torch.equal(one, kept), f"it writes into its inputs: {case}")


def _run(kernel: Any, case: Case, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    try:
        return results(kernel.run(*inputs, **case.options))
    except Exception as error:
        what = f"it did not refuse, but raises {type(error).__name__}: {error}: {case}"
        raise AssertionError(what) from error


def _gradients(run: Callable[..., tuple[Tensor, ...]], inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    asking = [one.requires_grad_() for one in inputs if one.is_floating_point()]
    outputs = run(*inputs)
    pulls = [torch.linspace(0.5, 1.5, one.numel()).reshape(one.shape).to(one) for one in outputs]
    found = torch.autograd.grad(outputs, asking, pulls, allow_unused=True)
    return tuple(
        torch.zeros_like(given) if one is None else one for one, given in zip(found, asking, strict=True)
    )


def _near(
    found: tuple[Tensor, ...], plain: tuple[Tensor, ...], exact: tuple[Tensor, ...], case: Case
) -> None:
    shapes, wanted = [list(one.shape) for one in found], [list(one.shape) for one in exact]
    require(shapes == wanted, f"results of the shapes {shapes}, not {wanted}: {case}")
    for ours, theirs, right in zip(found, plain, exact, strict=True):
        finite(ours, str(case))
        require(ours.dtype == theirs.dtype, f"results of the type {ours.dtype}, not {theirs.dtype}: {case}")
        scale = float(right.abs().max().clamp_min(1))
        rounding = max(torch.finfo(case.dtype).eps, 8 * torch.finfo(ours.dtype).eps) * scale
        allowed = MORE * float((theirs.double() - right).abs().max()) + rounding
        off = float((ours.double() - right).abs().max())
        require(off <= allowed, f"off by {off:.2g} where plain torch allows {allowed:.2g}: {case}")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    name_of_an_operation,
    refuses_with_a_reason,
    runs_somewhere,
    as_the_reference,
    gradients_as_the_reference,
    inputs_stay,
)
