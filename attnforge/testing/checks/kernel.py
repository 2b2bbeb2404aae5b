"""What a kernel promises: it refuses an input with a reason, or matches the operation's reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attnforge.kernels.operations import operations
from attnforge.testing.expect import assert_finite, require
from attnforge.testing.kernel_cases import Case, cases_of, results
from attnforge.testing.subject import Subject
from attnforge.values import Situation

ERROR_FACTOR = 2.0
"""How many times the error of plain torch in the same dtype a kernel's error may be.

Inputs may also be rounded to their dtype once more, as kernels do before they multiply.
"""


def name_begins_with_its_operation(subject: Subject) -> None:
    """Its name begins with the operation that it computes, such as `word-attention-`."""
    known = [operation.name for operation in operations()]
    name = subject.component.name
    valid = any(name.startswith(f"{operation}-") and len(name) > len(operation) + 1 for operation in known)
    require(valid, f"`{name}` does not begin with one of {', '.join(f'{operation}-' for operation in known)}")


def refuses_with_a_reason(subject: Subject) -> None:
    """`refuse` returns None or a reason in words for any situation, and never raises."""
    kernel = subject.build()
    for case in cases_of(subject.component.name):
        for device in ("cpu", "cuda", "meta"):
            for gradient in (False, True):
                small = case.situation(gradient=gradient)
                large = Situation(
                    device=torch.device(device),
                    dtype=small.dtype,
                    sizes={letter: 997 * size for letter, size in small.sizes.items()},
                    gradient=gradient,
                    options=small.options,
                )
                for situation in (small, large):
                    reason = kernel.refuse(situation)
                    valid = reason is None or (isinstance(reason, str) and reason.strip())
                    require(valid, f"`refuse` returns {reason!r}, which is neither None nor a reason")


def runs_on_this_machine(subject: Subject) -> None:
    """It accepts at least one test case on this machine, so that the other checks run."""
    kernel = subject.build()
    answers = {kernel.refuse(case.situation(gradient=False)) for case in cases_of(subject.component.name)}
    reasons = "; ".join(sorted(str(answer) for answer in answers)[:3])
    require(None in answers, f"the kernel refuses every test case on this machine: {reasons}")


def matches_the_reference(subject: Subject) -> None:
    """Where it does not refuse, it runs and is nearly as exact as plain torch in the same dtype."""
    kernel = subject.build()
    for case in cases_of(subject.component.name):
        if kernel.refuse(case.situation(gradient=False)) is None:
            exact = case.reference(*case.inputs(torch.float64))
            outputs = _run(kernel, case, case.inputs())
            _require_close(outputs, case.reference(*case.inputs()), exact, case)


def gradients_match_the_reference(subject: Subject) -> None:
    """Where it does not refuse gradients, they are nearly as exact as those of plain torch."""
    kernel = subject.build()
    for case in cases_of(subject.component.name):
        if kernel.refuse(case.situation(gradient=True)) is None:
            exact = _gradients(case.reference, case.inputs(torch.float64))
            plain = _gradients(case.reference, case.inputs())

            def run(*inputs: Tensor, case: Case = case) -> tuple[Tensor, ...]:
                return _run(kernel, case, inputs)

            _require_close(_gradients(run, case.inputs()), plain, exact, case)


def inputs_are_unchanged(subject: Subject) -> None:
    """It does not modify its inputs."""
    kernel = subject.build()
    for case in cases_of(subject.component.name):
        if kernel.refuse(case.situation(gradient=False)) is None:
            inputs = case.inputs()
            _run(kernel, case, inputs)
            for tensor, original in zip(inputs, case.inputs(), strict=True):
                require(torch.equal(tensor, original), f"the kernel modifies its inputs: {case}")


def _run(kernel: Any, case: Case, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    try:
        return results(kernel.run(*inputs, **case.options))
    except Exception as error:
        message = f"the kernel accepted this case, then raised {type(error).__name__}: {error}: {case}"
        raise AssertionError(message) from error


def _gradients(run: Callable[..., tuple[Tensor, ...]], inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    leaves = [tensor.requires_grad_() for tensor in inputs if tensor.is_floating_point()]
    outputs = run(*inputs)
    weights = [
        torch.linspace(0.5, 1.5, output.numel()).reshape(output.shape).to(output) for output in outputs
    ]
    gradients = torch.autograd.grad(outputs, leaves, weights, allow_unused=True)
    return tuple(
        torch.zeros_like(leaf) if gradient is None else gradient
        for gradient, leaf in zip(gradients, leaves, strict=True)
    )


def _require_close(
    actual: tuple[Tensor, ...], plain: tuple[Tensor, ...], exact: tuple[Tensor, ...], case: Case
) -> None:
    shapes, expected = [list(tensor.shape) for tensor in actual], [list(tensor.shape) for tensor in exact]
    require(shapes == expected, f"results have shapes {shapes}, expected {expected}: {case}")
    for result, reference, truth in zip(actual, plain, exact, strict=True):
        assert_finite(result, str(case))
        require(
            result.dtype == reference.dtype, f"result is {result.dtype}, expected {reference.dtype}: {case}"
        )
        scale = float(truth.abs().max().clamp_min(1))
        rounding = max(torch.finfo(case.dtype).eps, 8 * torch.finfo(result.dtype).eps) * scale
        allowed = ERROR_FACTOR * float((reference.double() - truth).abs().max()) + rounding
        error = float((result.double() - truth).abs().max())
        require(error <= allowed, f"error of {error:.2g}, at most {allowed:.2g} allowed: {case}")


CHECKS: tuple[Callable[[Subject], None], ...] = (
    name_begins_with_its_operation,
    refuses_with_a_reason,
    runs_on_this_machine,
    matches_the_reference,
    gradients_match_the_reference,
    inputs_are_unchanged,
)
