"""Who computes an operation: official formulas, plain torch, torch's own attentions, attnforge's kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from kernel_cases import (
    ATTENTION,
    GAMMAS,
    MATCHING,
    Case,
    Inputs,
    joined_to,
    situation_sizes,
)
from library_attention import flex, refuse_flex, refuse_flex_backward, refuse_varlen, sdpa, varlen
from official_attention import official_region_matching, official_word_attention
from torch import Tensor
from vectorised_attention import vectorised_region_matching, vectorised_word_attention

from attnforge.kernels.dispatch import Candidate
from attnforge.kernels.gpu import avoid_triton, interpreted
from attnforge.kernels.region_matching import OPERATION as MATCHING_OPERATION
from attnforge.kernels.region_matching import Precision, region_matching
from attnforge.kernels.word_attention import OPERATION as ATTENTION_OPERATION
from attnforge.kernels.word_attention import attend_and_join, word_attention
from attnforge.values import Situation

OFFICIAL = "official"
VECTORISED = "vectorised"
OWN = "attnforge"
"""What the names of attnforge's kernels begin with."""

PRECISIONS: dict[str, tuple[Precision, ...]] = {"cpu": ("bfloat16",), "cuda": ("tf32", "bfloat16")}
"""Precisions of float32 products, by kind of device."""

EXACT = ("plain", "torch", "reference")
"""Kernels without rows for rounded products: `torch` does what `cpu` does, the others round nothing."""

Run = Callable[[Inputs], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A way of computing an operation."""

    name: str
    run: Run
    refused: str = ""
    """Why it cannot run at all, or nothing."""
    backward_refused: str = ""
    """Why it has no backward pass, or nothing."""
    compiled: bool = False
    """Whether its first call compiles."""
    products: str = ""
    """The precision of factors of products where it is not the type of the inputs."""
    like: str = ""
    """Another provider that needs about as much time and memory."""


def providers(case: Case) -> list[Provider]:
    """All providers of a case, the official formulas first; those that cannot run say why."""
    return [*(_matching(case) if case.operation == MATCHING else _attention(case)), *_own(case)]


def _matching(case: Case) -> Iterator[Provider]:
    yield Provider(name=OFFICIAL, run=_matching_by(official_region_matching))
    yield Provider(name=VECTORISED, run=_matching_by(vectorised_region_matching))
    compiled = torch.compile(vectorised_region_matching, dynamic=False)
    yield Provider(name="torch.compile", run=_matching_by(compiled), compiled=True, like=VECTORISED)


def _matching_by(function: Callable[..., Tensor]) -> Run:
    return lambda inputs: function(inputs.words, inputs.asked, inputs.lengths, **GAMMAS)


def _attention(case: Case) -> Iterator[Provider]:
    def plain(name: str, run: Run, **facts: str | bool) -> Provider:
        given = (lambda inputs: joined_to(run(inputs), inputs)) if case.joined else run
        return replace(Provider(name=name, run=given), **facts)  # type: ignore[arg-type]

    yield plain(OFFICIAL, _attention_by(official_word_attention))
    yield plain(VECTORISED, _attention_by(vectorised_word_attention))
    compiled = torch.compile(vectorised_word_attention, dynamic=False)
    yield plain("torch.compile", _attention_by(compiled), compiled=True, like=VECTORISED)
    yield plain("SDPA", sdpa)
    if refused := refuse_varlen(case):
        yield Provider(name="varlen_attn", run=_never, refused=refused)
    else:
        yield plain("varlen_attn", varlen(case))
    yield plain(
        "FlexAttention",
        flex(),
        refused=refuse_flex(case),
        backward_refused=refuse_flex_backward(case),
        compiled=True,
    )


def _attention_by(function: Callable[..., Tensor]) -> Run:
    return lambda inputs: function(inputs.asked, inputs.words, inputs.padding)


def _never(inputs: Inputs) -> Tensor:
    raise AssertionError("a provider that is refused does not run")


def _own(case: Case) -> Iterator[Provider]:
    """Each kernel that attnforge has for the operation, and its lower precisions."""
    if case.operation == ATTENTION:
        for candidate in ATTENTION_OPERATION.kernels:
            run = partial(_own_attention, kernel=candidate.name, joined=case.joined)
            yield _kernel(candidate, case, run)
        return
    for candidate in MATCHING_OPERATION.kernels:
        one = _kernel(candidate, case, partial(_own_matching, kernel=candidate.name))
        yield one
        if not one.refused and candidate.name not in EXACT and case.dtype is torch.float32:
            for precision in PRECISIONS[case.device.type]:
                run = partial(_own_matching, kernel=candidate.name, precision=precision)
                yield _kernel(candidate, case, run, precision=precision)


def _kernel(candidate: Candidate, case: Case, run: Run, *, precision: Precision = "auto") -> Provider:
    rounded = precision != "auto"
    return Provider(
        name=f"{OWN} {candidate.name}" + (f", {precision} products" if rounded else ""),
        run=run,
        refused=_refusal(candidate, case, precision, gradient=False),
        backward_refused=_refusal(candidate, case, precision, gradient=True),
        products=precision if rounded else "",
    )


def _refusal(candidate: Candidate, case: Case, precision: Precision, *, gradient: bool) -> str:
    options = {**GAMMAS, "precision": precision} if case.operation == MATCHING else {}
    situation = Situation(
        device=case.device,
        dtype=case.dtype,
        sizes=situation_sizes(case),
        gradient=gradient,
        options=options,
    )
    reason = candidate.refuse(situation)
    if not reason and interpreted() and candidate.avoid(situation) == avoid_triton(situation):
        reason = avoid_triton(situation)
    return reason or ""


def _own_attention(inputs: Inputs, *, kernel: str, joined: bool) -> Tensor:
    function = attend_and_join if joined else word_attention
    return function(inputs.asked, inputs.words, inputs.padding, kernel=kernel)[0]


def _own_matching(inputs: Inputs, *, kernel: str, precision: Precision = "auto") -> Tensor:
    return region_matching(
        inputs.words,
        inputs.asked,
        inputs.lengths,
        gamma1=GAMMAS["gamma1"],
        gamma2=GAMMAS["gamma2"],
        precision=precision,
        kernel=kernel,
    )
