"""Every kernel of word attention against its definition in float64, forward and backward."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch
from attention_cases import KERNELS, LAYOUTS, Case, errors

FLOAT32, BFLOAT16, FLOAT16 = torch.float32, torch.bfloat16, torch.float16
PATHS = [
    (kernel, dtype) for kernel in KERNELS if kernel != "reference" for dtype in (FLOAT32, BFLOAT16, FLOAT16)
]

FARTHEST = {FLOAT32: (5e-6, 1e-5), FLOAT16: (5e-4, 3e-3), BFLOAT16: (5e-3, 2e-2)}
"""Errors that no path may exceed, of results and of gradients, relative to the largest number; writing a
number down in its type adds half a unit."""

SOME = [
    Case(batch=2, words=7, size=(8, 8), channels=32),
    Case(batch=5, words=18, size=(17, 17), channels=40, layout="channels-last"),
    Case(batch=2, words=25, size=(29, 10), channels=48, layout="sliced", join=True),
    Case(batch=1, words=12, size=(1, 289), channels=64, layout="scattered-words"),
    Case(batch=2, words=18, size=(17, 17), channels=48, layout="channels-last", join=True),
    Case(batch=2, words=1, size=(1, 1), channels=32, layout="sliced"),
    Case(batch=2, words=7, size=(10, 29), channels=32, layout="turned", join=True),
    Case(batch=1, words=7, size=(290, 1), channels=40, join=True),
]
LARGE = [
    Case(batch=2, words=12, size=(64, 64), channels=32, join=True),
    Case(batch=1, words=18, size=(241, 17), channels=32),
    Case(batch=1, words=18, size=(128, 128), channels=48, layout="channels-last"),
]
SIZES = product(
    (1, 2, 5),
    (1, 7, 12, 18, 25),
    ((1, 1), (8, 8), (17, 17), (29, 10), (64, 64), (241, 17), (128, 128)),
    (32, 40, 48, 64),
)
EVERY = [
    Case(
        batch=batch,
        words=words,
        size=size,
        channels=channels,
        layout=LAYOUTS[number % len(LAYOUTS)],
        join=number % 2 == 0,
    )
    for number, (batch, words, size, channels) in enumerate(SIZES)
]
"""All sizes; layouts, and joining, take turns."""


def is_near(case: Case, kernel: str, dtype: torch.dtype) -> None:
    """At most twice as far off as plain torch in the same type, and within the absolute bounds.

    In which order plain torch adds, and how far off that is, depends on the layout; the worse one counts. How
    far off the worst of a few numbers is, is luck: there, four units more are allowed, and more for sums over
    a large map, whatever their number: how far off these are, in plain torch too, depends on the order of
    sums that its library chooses for the processor at hand.
    """
    exact = case.results("reference", dtype, precision=torch.double)
    plain = errors(case.results("reference", dtype), exact)
    usual = errors(replace(case, layout="contiguous").results("reference", dtype), exact)
    plain = {name: max(error, usual[name]) for name, error in plain.items()}
    found = errors(case.results(kernel, dtype), exact)
    unit, pixels = torch.finfo(dtype).eps, case.size[0] * case.size[1]
    result, gradient = FARTHEST[dtype]
    for name, error in found.items():
        luck = 4 * unit if exact[name].numel() < 1000 else 0
        if name == "of words":  # a sum over the map
            luck = max(luck, pixels**0.5 / 8 * unit)
        assert error <= 2 * plain[name] + unit + luck, name
        assert error <= (gradient if name.startswith("of ") else result) + unit / 2, name


@pytest.mark.parametrize("case", SOME, ids=str)
@pytest.mark.parametrize(("kernel", "dtype"), PATHS)
def test_it_is_as_near_as_plain_torch(kernel: str, dtype: torch.dtype, case: Case) -> None:
    is_near(case, kernel, dtype)


@pytest.mark.parametrize("case", LARGE, ids=str)
@pytest.mark.parametrize("dtype", [FLOAT32, BFLOAT16, FLOAT16])
def test_large_maps_are_as_near(dtype: torch.dtype, case: Case) -> None:
    is_near(case, "cpu", dtype)


@pytest.mark.parametrize("case", SOME + LARGE, ids=str)
def test_double_precision_stays_double(case: Case) -> None:
    exact = case.results("reference", torch.double)
    assert max(errors(case.results("cpu", torch.double), exact).values()) < 1e-13


@pytest.mark.long
@pytest.mark.parametrize("words", [1, 7, 12, 18, 25])
@pytest.mark.parametrize(("kernel", "dtype"), PATHS)
def test_every_size_is_as_near(kernel: str, dtype: torch.dtype, words: int) -> None:
    for case in EVERY:
        # The interpreter takes seconds for each of the larger maps.
        small = case.size[0] * case.size[1] < 1000
        if case.words == words and (kernel == "cpu" or small or (case.batch, case.channels) == (1, 48)):
            is_near(case, kernel, dtype)
