"""Region matching: equal to the equations read literally, and what must hold for every input."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from attnforge.kernels.dispatch import VARIABLE
from attnforge.kernels.region_matching import cpu, reference, region_attention, region_matching

Case = tuple[Tensor, Tensor, Tensor]


@pytest.fixture(autouse=True, scope="module", params=["cpu", "plain"])
def _kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """What `auto` takes of few pairs and of many, whatever their number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, request.param)
        yield


@st.composite
def inputs(draw: st.DrawFn) -> Case:
    """Words, regions and lengths in float64; captions of one word upwards."""
    captions, images, dim, longest, count = (draw(st.integers(1, limit)) for limit in (4, 4, 5, 6, 9))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    scale = draw(st.sampled_from([0.3, 1.0, 5.0]))
    lengths = draw(st.lists(st.integers(1, longest), min_size=captions, max_size=captions))
    words = scale * torch.randn(captions, dim, longest, generator=generator, dtype=torch.double)
    regions = scale * torch.randn(images, dim, count, generator=generator, dtype=torch.double)
    return words, regions, torch.tensor(lengths)


gammas = st.sampled_from([(4.0, 5.0), (5.0, 5.0), (1.0, 0.5), (10.0, 20.0), (100.0, 5.0)])


@given(inputs(), gammas)
def test_it_equals_the_equations_and_so_do_its_gradients(case: Case, sharpness: tuple[float, float]) -> None:
    gamma1, gamma2 = sharpness
    words, regions, lengths = case
    words.requires_grad_()
    regions.requires_grad_()
    results = []
    for function in (region_matching, reference.region_matching):
        scores = function(words, regions, lengths, gamma1=gamma1, gamma2=gamma2)
        weight = torch.linspace(-1, 1, scores.numel(), dtype=torch.double).reshape(scores.shape)
        results.append((scores, *torch.autograd.grad(scores, (words, regions), weight)))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-9)


@given(inputs(), gammas)
def test_scores_lie_where_cosines_within_one_put_them(case: Case, sharpness: tuple[float, float]) -> None:
    gamma1, gamma2 = sharpness
    scores = region_matching(*case, gamma1=gamma1, gamma2=gamma2)
    words_term = case[2].double().log()
    assert (scores <= gamma2 + words_term + 1e-9).all()
    assert (scores >= -gamma2 + words_term - 1e-9).all()


@given(inputs(), st.sampled_from([1e30, float("inf"), float("nan")]))
def test_what_a_padded_slot_holds_has_no_influence(case: Case, garbage: float) -> None:
    words, regions, lengths = case
    padding = torch.arange(words.shape[2]) >= lengths[:, None]
    clean, spoiled = (
        torch.where(padding[:, None], value, words).requires_grad_() for value in (0.0, garbage)
    )
    expected, given_scores = (
        region_matching(one, regions, lengths, gamma1=4, gamma2=5) for one in (clean, spoiled)
    )
    assert torch.equal(given_scores, expected)
    (gradient,) = torch.autograd.grad(given_scores.sum(), spoiled)
    assert gradient.isfinite().all()
    assert (gradient.movedim(1, 2)[padding] == 0).all()


@given(inputs(), st.integers(0, 3), st.integers(0, 3))
def test_a_pair_does_not_depend_on_its_batch_mates(case: Case, caption: int, image: int) -> None:
    words, regions, lengths = case
    t, i = caption % len(words), image % len(regions)
    scores = region_matching(words, regions, lengths, gamma1=4, gamma2=5)
    alone = region_matching(
        words[t : t + 1, :, : lengths[t]], regions[i : i + 1], lengths[t : t + 1], gamma1=4, gamma2=5
    )
    torch.testing.assert_close(scores[i, t], alone[0, 0])


@given(inputs(), st.randoms(use_true_random=False))
def test_permuting_captions_and_images_permutes_columns_and_rows(case: Case, random: Random) -> None:
    words, regions, lengths = case
    columns, rows = list(range(len(words))), list(range(len(regions)))
    random.shuffle(columns)
    random.shuffle(rows)
    scores = region_matching(words, regions, lengths, gamma1=4, gamma2=5)
    permuted = region_matching(words[columns], regions[rows], lengths[columns], gamma1=4, gamma2=5)
    torch.testing.assert_close(permuted, scores[rows][:, columns])


@given(inputs(), st.randoms(use_true_random=False))
def test_the_order_of_words_and_regions_does_not_matter(case: Case, random: Random) -> None:
    words, regions, lengths = case
    lengths = torch.full_like(lengths, words.shape[2])
    in_caption, in_image = list(range(words.shape[2])), list(range(regions.shape[2]))
    random.shuffle(in_caption)
    random.shuffle(in_image)
    scores = region_matching(words, regions, lengths, gamma1=4, gamma2=5)
    shuffled = region_matching(words[:, :, in_caption], regions[:, :, in_image], lengths, gamma1=4, gamma2=5)
    torch.testing.assert_close(shuffled, scores)


@given(inputs())
def test_a_large_gamma2_tends_to_the_best_word(case: Case) -> None:
    """A caption of one word scores gamma2 times its cosine, which gives each word's own cosine."""
    words, regions, lengths = case
    padding = torch.arange(words.shape[2]) >= lengths[:, None]
    attention = [
        region_attention(words, one.expand(len(words), -1, -1)[:, :, None], lengths, gamma1=4)[:, :, 0]
        for one in regions
    ]
    contexts = torch.stack(
        [torch.einsum("tln,dn->tdl", maps, one) for maps, one in zip(attention, regions, strict=True)]
    )
    cosines = torch.cosine_similarity(contexts, words[None], dim=2).masked_fill(padding, -torch.inf)
    large = 1e4
    scores = region_matching(words, regions, lengths, gamma1=4, gamma2=large) / large
    torch.testing.assert_close(scores, cosines.amax(dim=2), rtol=0, atol=log(words.shape[2]) / large + 1e-9)


@given(inputs(), st.sampled_from([0.5, 4.0, 100.0]))
def test_attention_over_regions_sums_to_one_for_every_word_and_is_zero_beyond(
    case: Case, gamma1: float
) -> None:
    words, regions, lengths = case
    maps = region_attention(words, regions[:1].expand(len(words), -1, -1)[:, :, None], lengths, gamma1=gamma1)
    real = torch.arange(words.shape[2]) < lengths[:, None]
    torch.testing.assert_close(maps.sum(dim=(2, 3)), real.double())
    assert (maps[~real] == 0).all()


def test_regions_may_be_a_list_or_a_map() -> None:
    torch.manual_seed(0)
    words, regions, lengths = torch.randn(2, 4, 3), torch.randn(3, 4, 2, 5), torch.tensor([3, 1])
    as_map = region_matching(words, regions, lengths, gamma1=4, gamma2=5)
    assert torch.equal(as_map, region_matching(words, regions.flatten(2), lengths, gamma1=4, gamma2=5))
    assert as_map.shape == (3, 2)


def test_the_gradient_is_right_in_double_precision() -> None:
    torch.manual_seed(0)
    words = torch.randn(3, 4, 5, dtype=torch.double, requires_grad=True)
    regions = torch.randn(2, 4, 7, dtype=torch.double, requires_grad=True)
    lengths = torch.tensor([5, 1, 3])
    assert torch.autograd.gradcheck(
        lambda w, r: region_matching(w, r, lengths, gamma1=4, gamma2=5), (words, regions)
    )


def test_blocks_of_captions_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    words, regions, lengths = torch.randn(3, 4, 5), torch.randn(7, 4, 6), torch.tensor([5, 2, 1])
    whole = region_matching(words, regions, lengths, gamma1=4, gamma2=5)
    for rows in (1, 6):
        monkeypatch.setattr(cpu, "rows_of", lambda regions, rows=rows: rows)
        parts = region_matching(words, regions, lengths, gamma1=4, gamma2=5)
        torch.testing.assert_close(parts, whole)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 5e-6), (torch.float16, 2e-3), (torch.bfloat16, 2e-2)]
)
def test_lower_precision_stays_near_double(dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(0)
    words, regions = torch.randn(6, 64, 9).to(dtype), (0.3 * torch.randn(5, 64, 49)).to(dtype)
    lengths = torch.tensor([9, 1, 4, 7, 2, 9])
    exact = reference.region_matching(words.double(), regions.double(), lengths, gamma1=4, gamma2=5)
    scores = region_matching(words, regions, lengths, gamma1=4, gamma2=5)
    assert scores.dtype is torch.float32
    torch.testing.assert_close(scores.double(), exact, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("dtype", "gamma1"), [(torch.float32, 100.0), (torch.float16, 10.0)])
def test_sharp_attention_and_long_vectors_do_not_overflow(dtype: torch.dtype, gamma1: float) -> None:
    torch.manual_seed(0)
    words, regions = torch.randn(2, 16, 3).to(dtype), (20 * torch.randn(2, 16, 300)).to(dtype)
    lengths = torch.tensor([3, 1])
    exact = reference.region_matching(words.double(), regions.double(), lengths, gamma1=gamma1, gamma2=5)
    scores = region_matching(words, regions, lengths, gamma1=gamma1, gamma2=5)
    torch.testing.assert_close(scores.double(), exact, rtol=0, atol=1e-2)


def test_memory_layout_does_not_matter() -> None:
    torch.manual_seed(0)
    words, regions, lengths = torch.randn(3, 4, 5), torch.randn(2, 4, 6), torch.tensor([5, 2, 1])
    expected = region_matching(words, regions, lengths, gamma1=4, gamma2=5)
    scattered_words, scattered_regions = (
        one.transpose(1, 2).contiguous().transpose(1, 2) for one in (words, regions)
    )
    scores = region_matching(scattered_words, scattered_regions, lengths, gamma1=4, gamma2=5)
    torch.testing.assert_close(scores, expected)


def test_an_image_of_zeros_scores_like_cosines_of_zero_with_finite_gradients() -> None:
    words = torch.randn(1, 4, 3, requires_grad=True)
    scores = region_matching(words, torch.zeros(1, 4, 6), torch.tensor([3]), gamma1=4, gamma2=5)
    assert scores.item() == pytest.approx(log(3 * exp(0)))
    (gradient,) = torch.autograd.grad(scores.sum(), words)
    assert gradient.isfinite().all()


def test_autocast_stays_near_double() -> None:
    torch.manual_seed(0)
    words, regions, lengths = torch.randn(3, 64, 5), 0.3 * torch.randn(2, 64, 9), torch.tensor([5, 2, 1])
    with torch.autocast("cpu", torch.bfloat16):
        scores = region_matching(words, regions, lengths, gamma1=4, gamma2=5)
    exact = reference.region_matching(words.double(), regions.double(), lengths, gamma1=4, gamma2=5)
    assert scores.dtype is torch.float32
    torch.testing.assert_close(scores.double(), exact, rtol=0, atol=2e-2)
