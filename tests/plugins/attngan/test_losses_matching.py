"""DAMSM's terms: the official numbers, and what the class mask leaves out."""

from __future__ import annotations

from math import log
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from attnforge_attngan.losses.matching import matching_losses, matching_terms
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from attnforge.interfaces import ImageFeatures, TextFeatures
from attnforge.kernels.region_matching import region_attention

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = [f"gamma1_{gamma1}_{classes}" for gamma1 in (4, 5) for classes in ("distinct", "shared")]
OFFICIAL = {
    "caption by words": "w0",
    "image by words": "w1",
    "caption by sentence": "s0",
    "image by sentence": "s1",
}


def load(case: str) -> tuple[dict[str, Tensor], dict[str, float]]:
    golden = np.load(GOLDEN / f"damsm_{case}.npz")
    tensors = {name: torch.from_numpy(value) for name, value in golden.items() if value.ndim}
    return tensors, {name: float(value) for name, value in golden.items() if not value.ndim}


@pytest.mark.parametrize("case", CASES)
def test_the_terms_and_their_gradients_are_the_official_ones(case: str) -> None:
    tensors, numbers = load(case)
    names = ("regions", "words", "code", "sentence")
    regions, words, code, sentence = leaves = [tensors[name].requires_grad_() for name in names]
    padding = torch.arange(words.shape[2]) >= tensors["lengths"][:, None]
    terms = matching_terms(
        TextFeatures(words=words, sentence=sentence, padding=padding),
        ImageFeatures(regions=regions, image=code),
        class_ids=tensors["class_ids"],
        gamma1=numbers["gamma1"],
        gamma2=numbers["gamma2"],
        gamma3=numbers["gamma3"],
    )
    assert {OFFICIAL[name]: term.item() for name, term in terms.items()} == pytest.approx(
        {name: numbers[name] for name in OFFICIAL.values()}, rel=1e-4
    )
    gradients = torch.autograd.grad(torch.stack(list(terms.values())).sum(), leaves)
    for name, gradient in zip(names, gradients, strict=True):
        expected = tensors[f"grad_{name}"]
        worst = (gradient - expected).abs().max() / expected.abs().max()
        assert worst < 1e-4, name


@pytest.mark.parametrize("case", CASES)
def test_the_attention_maps_are_the_official_ones(case: str) -> None:
    tensors, numbers = load(case)
    maps = region_attention(
        tensors["words"], tensors["regions"], tensors["lengths"], gamma1=numbers["gamma1"]
    )
    torch.testing.assert_close(maps[:1], tensors["attention0"], rtol=1e-4, atol=1e-7)


def scores(batch: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, batch, batch, generator=generator, dtype=torch.double)
    return first, second


@given(st.integers(1, 6), st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_order_of_the_batch_does_not_matter(batch: int, seed: int, random: Random) -> None:
    words, sentences = scores(batch, seed)
    class_ids = torch.tensor([random.randrange(3) for _ in range(batch)])
    order = list(range(batch))
    random.shuffle(order)
    terms = matching_losses(words, sentences, class_ids, 10.0)
    shuffled = matching_losses(words[order][:, order], sentences[order][:, order], class_ids[order], 10.0)
    for name, term in terms.items():
        torch.testing.assert_close(shuffled[name], term)


@given(st.integers(2, 6), st.integers(0, 1000), st.floats(-1e3, 1e3))
def test_another_item_of_the_same_class_has_no_influence(batch: int, seed: int, value: float) -> None:
    words, sentences = scores(batch, seed)
    class_ids = torch.arange(batch)
    class_ids[1] = class_ids[0]
    terms = matching_losses(words, sentences, class_ids, 10.0)
    for one in (words, sentences):
        one[0, 1] = one[1, 0] = value
    for name, term in matching_losses(words, sentences, class_ids, 10.0).items():
        assert torch.equal(term, terms[name])
        assert term.isfinite()


def test_without_classes_every_other_item_is_a_negative() -> None:
    words, sentences = scores(4, 0)
    same = matching_losses(words, sentences, None, 10.0)
    distinct = matching_losses(words, sentences, torch.arange(4), 10.0)
    for name, term in same.items():
        assert torch.equal(term, distinct[name])


def test_equal_scores_cost_the_logarithm_of_the_batch_and_a_sure_match_nothing() -> None:
    for term in matching_losses(torch.zeros(8, 8), torch.zeros(8, 8), None, 10.0).values():
        assert term.item() == pytest.approx(log(8))
    for term in matching_losses(10 * torch.eye(8), 10 * torch.eye(8), None, 10.0).values():
        assert term.item() == pytest.approx(0, abs=1e-6)


def test_rows_are_images_and_columns_are_captions() -> None:
    """Every image likes caption 0 best: each image but one errs, while the captions choose evenly."""
    liked = torch.zeros(4, 4)
    liked[:, 0] = 1
    terms = matching_losses(liked, liked.T, None, 100.0)
    assert terms["caption by words"].item() == pytest.approx(75, rel=1e-4)
    assert terms["image by words"].item() == pytest.approx(log(4), rel=1e-4)
    assert terms["caption by sentence"].item() == pytest.approx(log(4), rel=1e-4)
    assert terms["image by sentence"].item() == pytest.approx(75, rel=1e-4)


def test_captions_beyond_the_images_are_negatives_for_every_image_and_not_queries() -> None:
    words, sentences = scores(3, 4)
    plain = matching_losses(words, sentences, torch.tensor([0, 1, 1]), 10.0)
    hopeless = torch.full((3, 2), -1e4)
    more = matching_losses(
        torch.cat((words, hopeless), dim=1),
        torch.cat((sentences, hopeless), dim=1),
        torch.tensor([0, 1, 1]),
        10.0,
    )
    torch.testing.assert_close(more, plain)
    copies = matching_losses(
        words.repeat(1, 2), sentences.repeat(1, 2), None, 10.0
    )  # each right caption stands there twice, once as a wrong one
    once = matching_losses(words, sentences, None, 10.0)
    for name in ("words", "sentence"):
        torch.testing.assert_close(copies[f"caption by {name}"], once[f"caption by {name}"] + log(2))
        torch.testing.assert_close(copies[f"image by {name}"], once[f"image by {name}"])
