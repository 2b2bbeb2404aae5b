"""The Triton programs of region matching against the definition in float64; without a GPU, interpreted."""

from __future__ import annotations

import importlib.util
from itertools import product

import pytest
import torch
from kernel_devices import device_for
from matching_cases import FARTHEST, LAYOUTS, Matching, bounds, computed, errors

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")

SOME = [
    Matching(images=1, captions=1, words=1, regions=1, width=32),
    Matching(images=2, captions=5, words=7, regions=64, width=40, layout="vectors-whole"),
    Matching(images=2, captions=3, words=18, regions=65, width=48, layout="sliced"),
    Matching(images=1, captions=2, words=25, regions=49, width=256, layout="map-channels-last"),
    Matching(images=1, captions=3, words=40, regions=20, width=20, gamma1=10.0),
]
BATCHES, PRECISIONS = ((1, 1), (2, 5), (5, 2)), ("float32", "float16", "bfloat16")
EVERY = [
    (
        Matching(*BATCHES[number % 3], words, regions, width, LAYOUTS[number % len(LAYOUTS)]),
        PRECISIONS[number // 3 % 3],
    )
    for number, (words, regions, width) in enumerate(
        product((1, 7, 12, 18, 25), (1, 64, 289, 290), (32, 40, 48, 64, 256))
    )
]
"""All sizes; batches, layouts and precisions take turns."""


def is_near(case: Matching, precision: str) -> None:
    """Within the bounds of the precision."""
    exact = case.results("reference", precise=True)
    found = errors(case.results("triton", precision=precision), exact)
    for error, most in zip(found, bounds(case, precision, exact), strict=True):
        assert error <= most


@pytest.mark.parametrize(
    ("case", "precision"),
    [
        (case, precision)
        for case, other in zip(SOME, ("tf32", "float16", "bfloat16", "float16", "bfloat16"), strict=True)
        for precision in ("float32", other)
    ],
    ids=str,
)
def test_its_numbers_stay_near_the_definition(case: Matching, precision: str) -> None:
    is_near(case, precision)


def test_factors_are_rounded_as_asked() -> None:
    case = Matching(images=1, captions=2, words=5, regions=9, width=16)
    exact = case.results("reference", precise=True)
    found = [errors(case.results("triton", precision=one), exact)[0] for one in FARTHEST]
    assert found[0] < found[1] < found[3]
    assert found[0] < found[2] < found[3]


@pytest.mark.long
@pytest.mark.parametrize(("case", "precision"), EVERY, ids=str)
def test_its_numbers_stay_near_the_definition_in_every_size(case: Matching, precision: str) -> None:
    is_near(case, precision)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_keep_their_type_in_gradients(dtype: torch.dtype) -> None:
    case = Matching(images=2, captions=2, words=5, regions=9, width=16)
    scores, *gradients = case.results("triton", dtype)
    assert scores.dtype is torch.float32
    assert {one.dtype for one in gradients} == {dtype}
    exact = case.results("reference", dtype, precise=True)
    table = FARTHEST[str(dtype).removeprefix("torch.")]
    for error, most in zip(errors((scores, *gradients), exact), table, strict=True):  # type: ignore[arg-type]
        assert error <= most + torch.finfo(dtype).eps / 2


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_words_and_regions_of_zeros_have_the_official_cosine_and_gradient(precision: str) -> None:
    """A zero word or image has the cosine 0 and, by the guard of 1e-8, an enormous gradient."""
    words, regions, lengths = Matching(images=3, captions=3, words=5, regions=9, width=16).inputs()
    words[2, :, 1] = 0
    regions[0, :, 4] = 0
    regions[1] = 0
    pull = torch.tensor([[1.0, -2.0, 0.5], [3.0, 1.0, -1.0], [0.0, 1.0, 2.0]])
    exact = computed(words, regions, lengths, pull, "reference", precise=True)
    found = computed(words, regions, lengths, pull, "triton", precision=precision)
    most, most_gradient = FARTHEST[precision]
    assert (found[0] - exact[0]).abs().max() <= most
    enormous = exact[1][2, :, 1], exact[2][1]
    assert all(one.abs().max() > 1e4 for one in enormous)
    for one, other in zip((found[1][2, :, 1], found[2][1]), enormous, strict=True):
        assert (one - other).abs().max() <= 2 * most_gradient * other.abs().max()
    for one, other in ((found[1][:2], exact[1][:2]), (found[2][[0, 2]], exact[2][[0, 2]])):
        # what is left is near even though the enormous numbers are in the same batch
        assert (one - other).abs().max() <= 2 * most_gradient * other.abs().max()


def test_in_float16_enormous_gradients_end_somewhere_and_spoil_no_others() -> None:
    words, regions, lengths = Matching(images=2, captions=2, words=5, regions=9, width=16).inputs()
    words[1, :, 1] = 0
    pull = torch.tensor([[1.0, -2.0], [3.0, 1.0]])
    exact = computed(words, regions, lengths, pull, "reference", precise=True)
    found = computed(words, regions, lengths, pull, "triton", precision="float16")
    assert found[1].isfinite().all()
    assert found[2].isfinite().all()
    zero = torch.zeros(2, 5, dtype=torch.bool)
    zero[1, 1] = True
    for one, other in (
        (found[1].transpose(1, 2)[~zero], exact[1].transpose(1, 2)[~zero]),
        (found[2], exact[2]),
    ):
        assert (one - other).abs().max() <= FARTHEST["float16"][1] * other.abs().max()


@pytest.mark.parametrize("size", [1e-12, 1e6])
def test_float16_carries_small_and_large_gradients(size: float) -> None:
    case = Matching(images=2, captions=2, words=5, regions=9, width=16)
    pull = size * case.pull()
    exact = case.results("reference", precise=True, pull=pull)
    assert errors(case.results("triton", precision="float16", pull=pull), exact)[1] < FARTHEST["float16"][1]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_a_gradient_that_is_no_number_is_not_hidden() -> None:
    case = Matching(images=1, captions=2, words=3, regions=5, width=16)
    for value in (torch.nan, torch.inf):
        _, of_words, _ = case.results("triton", precision="float16", pull=torch.tensor([[value, 1.0]]))
        assert not of_words[0].isfinite().all()


def test_pairs_without_a_gradient_are_left_out_and_images_may_have_none() -> None:
    case = Matching(images=4, captions=5, words=18, regions=20, width=16)
    pull = torch.zeros(4, 5)
    pull[0, 1], pull[0, 4], pull[2, 2], pull[2, 4], pull[2, 0] = 1.0, -2.0, 0.5, 1.5, -1.0
    exact = case.results("reference", precise=True, pull=pull)
    # A share so small that only zeros are left out, and the kernel knows that there will be some.
    found = case.results("triton", pull=pull, filter=1e-9)
    assert errors(found, exact)[1] < 1e-5
    assert (found[2][[1, 3]] == 0).all()
    assert (found[1][3] == 0).all()


def test_a_filter_gives_what_it_gives_on_a_processor() -> None:
    case = Matching(images=4, captions=4, words=9, regions=10, width=16)
    pull = case.pull() ** 5
    kept = [torch.zeros((), device=device_for(kernel)) for kernel in ("cpu", "triton")]
    exact, found = (
        case.results(kernel, pull=pull, filter=0.2, kept=share)
        for kernel, share in zip(("cpu", "triton"), kept, strict=True)
    )
    assert kept[1].item() == kept[0].item() < 0.8
    assert errors(found, exact)[1] < 1e-5


@pytest.mark.parametrize("value", [1e30, torch.inf, torch.nan])
def test_what_a_padded_slot_holds_has_no_influence(value: float) -> None:
    words, regions, lengths = Matching(images=1, captions=3, words=9, regions=10, width=16).inputs()
    padding = torch.arange(9) >= lengths[:, None]
    pull = torch.tensor([[1.0, -1.0, 2.0]])
    clean = computed(words, regions, lengths, pull, "triton")
    spoiled = computed(torch.where(padding[:, None], value, words), regions, lengths, pull, "triton")
    assert all(torch.equal(one, other) for one, other in zip(clean, spoiled, strict=True))
    assert (spoiled[1].transpose(1, 2)[padding] == 0).all()


def test_a_score_does_not_depend_on_batch_mates_or_their_order() -> None:
    words, regions, lengths = Matching(images=2, captions=5, words=18, regions=20, width=16).inputs()
    pull = torch.ones(2, 5)
    scores, *_ = computed(words, regions, lengths, pull, "triton")
    order = torch.tensor([3, 0, 4, 2, 1])
    mixed, *_ = computed(words[order], regions.flip(0), lengths[order], pull, "triton")
    torch.testing.assert_close(mixed, scores.flip(0)[:, order], rtol=0, atol=1e-6)
    length = int(lengths[3])
    alone, *_ = computed(words[3:4, :, :length], regions[1:], lengths[3:4], torch.ones(1, 1), "triton")
    torch.testing.assert_close(alone[0, 0], scores[1, 3], rtol=0, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_three_runs_give_the_same_bits(precision: str) -> None:
    case = Matching(images=2, captions=3, words=12, regions=20, width=16)
    first, *others = (case.results("triton", precision=precision) for _ in range(3))
    for other in others:
        assert all(torch.equal(one, two) for one, two in zip(first, other, strict=True))


def test_runs_of_images_and_split_sums_change_nothing_but_last_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from attnforge.kernels.region_matching import gpu, gpu_gradient

    case = Matching(images=3, captions=4, words=12, regions=20, width=16)
    exact = case.results("reference", precise=True)
    for workspace, programs in ((1, 1), (2**26, 1), (2**26, 10**6)):
        monkeypatch.setattr(gpu, "WORKSPACE", workspace)
        monkeypatch.setattr(gpu_gradient, "MIN_PROGRAMS", programs)
        scores, gradients = errors(case.results("triton"), exact)
        assert scores < 1e-6
        assert gradients < 2e-6
