"""Every kernel of region matching against its definition in float64, and what the kernels promise besides."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor

from attnforge.errors import AttnforgeError
from attnforge.kernels.region_matching import check, region_matching

SHARPNESS = {"gamma1": 4.0, "gamma2": 5.0}
FARTHEST = {"float32": (5e-6, 1e-5), "bfloat16": (5e-3, 2e-2)}
"""Errors of scores, and of gradients relative to their largest number."""
UNLUCKY = 1.5
"""Among hundreds of sizes, four of bfloat16 had gradients that were off by up to 2.4e-2."""


def inputs(images: int, captions: int, words: int, regions: int, width: int) -> tuple[Tensor, ...]:
    """Words, regions, ragged lengths (the first caption has one word) and a gradient of the scores."""
    new = torch.Generator().manual_seed(images + captions + words + regions + width)
    scale = 1.2 / width**0.25
    lengths = torch.randint(1, words + 1, (captions,), generator=new)
    lengths[0], lengths[-1] = 1, words
    return (
        (scale * torch.randn(captions, width, words, generator=new)),
        (scale * torch.randn(images, width, regions, generator=new)),
        lengths,
        torch.randn(images, captions, generator=new),
    )


def results(
    case: tuple[Tensor, ...], kernel: str, dtype: torch.dtype = torch.float32, **options: object
) -> tuple[Tensor, ...]:
    """Scores and the gradients of words and regions."""
    words, regions = (one.to(dtype).requires_grad_() for one in case[:2])
    scores = region_matching(words, regions, case[2], **SHARPNESS, kernel=kernel, **options)  # type: ignore[arg-type]
    return scores.detach(), *torch.autograd.grad(scores, (words, regions), case[3].to(scores.dtype))


def errors(found: tuple[Tensor, ...], exact: tuple[Tensor, ...]) -> tuple[float, float]:
    """The largest error of scores, and of gradients relative to their largest number."""
    scores, *gradients = (
        (one.double() - other).abs().max().item() for one, other in zip(found, exact, strict=True)
    )
    sizes = [one.abs().max().item() for one in exact[1:]]
    return scores, max(error / size for error, size in zip(gradients, sizes, strict=True))


SIZES = [(1, 1, 1, 1, 32), (2, 5, 7, 64, 40), (5, 2, 12, 289, 48), (2, 2, 18, 290, 64), (5, 5, 25, 64, 256)]
ALL_SIZES = [
    (images, captions, words, regions, width)
    for images, captions in ((1, 1), (2, 5), (50, 48))
    for words in (1, 7, 12, 18, 25)
    for regions in (1, 64, 289, 290)
    for width in (32, 40, 48, 64, 256)
    if images * captions * words * regions * width <= 1e8
]
MANY_REGIONS = [
    (*batch, words, regions, width)
    for regions, batch in ((4096, (2, 1)), (4097, (1, 2)), (16384, (1, 1)))
    for words in (1, 7, 12, 18, 25)
    for width in (32, 40, 48, 64)
]
EQUAL_BATCHES = [(48, 48, words, 64, 32) for words in (1, 12, 18)]


def stays_near(size: tuple[int, ...], kernel: str, precisions: Iterable[str], *, slack: float = 1.0) -> None:
    case = inputs(*size)
    exact = results(case, "reference", torch.double)
    for precision in precisions:
        found = errors(results(case, kernel, precision=precision), exact)
        plain = errors(results(case, "reference", getattr(torch, precision)), exact)
        for error, most, own in zip(found, FARTHEST[precision], plain, strict=True):
            # a float32 that is off by its last bits is no better than one that is off by a few more
            assert precision != "float32" or error <= max(2 * own, 2e-6), precision
            # where few regions or words average nothing out, rounding the inputs alone goes beyond the table
            assert error <= max(slack * most, 2 * own), precision


@pytest.mark.parametrize("precision", FARTHEST)
@pytest.mark.parametrize("kernel", ["cpu", "plain", "torch"])
@pytest.mark.parametrize("size", SIZES)
def test_numbers_stay_near_the_definition(size: tuple[int, ...], kernel: str, precision: str) -> None:
    stays_near(size, kernel, [precision])


@pytest.mark.long
@pytest.mark.parametrize("size", [*ALL_SIZES, *EQUAL_BATCHES, *MANY_REGIONS])
def test_numbers_of_all_sizes_stay_near_the_definition(size: tuple[int, ...]) -> None:
    stays_near(size, "cpu", FARTHEST, slack=UNLUCKY)


def test_bfloat16_is_multiplied_when_it_is_asked_for() -> None:
    case = inputs(2, 3, 7, 64, 64)
    rounded, exact = (results(case, "cpu", precision=one)[0] for one in ("bfloat16", "float32"))
    assert not torch.equal(rounded, exact)


def test_half_inputs_keep_their_type_in_gradients() -> None:
    case = inputs(2, 3, 7, 64, 64)
    for dtype in (torch.bfloat16, torch.float16):
        scores, *gradients = results(case, "cpu", dtype)
        assert scores.dtype is torch.float32
        assert {one.dtype for one in gradients} == {dtype}


@pytest.mark.parametrize("precision", FARTHEST)
def test_three_runs_give_the_same_bits(precision: str) -> None:
    case = inputs(3, 5, 12, 64, 48)
    first, *others = (results(case, "cpu", precision=precision) for _ in range(3))
    for other in others:
        assert all(torch.equal(one, two) for one, two in zip(first, other, strict=True))


def test_only_inputs_and_scores_are_kept_for_a_backward_pass() -> None:
    words, regions, lengths, _ = inputs(5, 4, 12, 64, 48)
    saved: list[Tensor] = []

    def keep(value: Tensor) -> Tensor:
        saved.append(value)
        return value

    leaves = words.requires_grad_(), regions.requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        region_matching(*leaves, lengths, **SHARPNESS, kernel="cpu")
        held = sum(one.nbytes for one in saved)
        assert 0 < held <= words.nbytes + regions.nbytes + lengths.nbytes + 8 * 5 * 4
        saved.clear()
        with torch.no_grad():
            region_matching(*leaves, lengths, **SHARPNESS, kernel="cpu")
    assert not saved


def test_the_gradient_can_be_differentiated() -> None:
    words, regions, lengths, _ = inputs(2, 2, 3, 4, 3)
    leaves = words.double().requires_grad_(), regions.double().requires_grad_()
    assert torch.autograd.gradgradcheck(
        lambda w, r: region_matching(w, r, lengths, **SHARPNESS, kernel="cpu"), leaves
    )


def test_a_gradient_of_few_pairs_is_that_of_those_pairs() -> None:
    words, regions, lengths, gradient = inputs(6, 5, 7, 20, 16)
    few = torch.zeros_like(gradient)
    few[0, 1], few[3, 2], few[3, 4] = 1.0, -2.0, 0.5
    case = words, regions, lengths, few
    found, exact = results(case, "cpu"), results(case, "reference", torch.double)
    assert errors(found, exact)[1] < 1e-5
    assert (found[2][[1, 2, 4, 5]] == 0).all()
    assert (found[1][[0, 3]] == 0).all()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"filter": 1.0}, "filter-not-a-share"),
        ({"filter": -0.1}, "filter-not-a-share"),
        ({"kernel": "nothing"}, "unknown-kernel"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, object], code: str) -> None:
    words, regions, lengths, _ = inputs(1, 1, 2, 3, 4)
    with pytest.raises(AttnforgeError) as caught:
        region_matching(words, regions, lengths, **SHARPNESS, **options)  # type: ignore[arg-type]
    assert [problem.code for problem in caught.value.problems] == [code]


def test_a_precision_that_is_not_known_is_refused() -> None:
    with pytest.raises(AttnforgeError) as caught:
        check("float8", 0.0)  # the tests' checks of types would stop it before
    assert [problem.code for problem in caught.value.problems] == ["unknown-precision"]
