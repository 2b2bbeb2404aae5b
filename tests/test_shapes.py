"""The annotations are enforced: a tensor of a wrong shape or type does not get past a public function."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import TypeCheckError

from attnforge.interfaces import TextFeatures
from attnforge.kernels.region_matching import region_matching
from attnforge.kernels.word_attention import word_attention


def test_a_dataclass_refuses_fields_that_do_not_fit_together() -> None:
    with pytest.raises(TypeCheckError, match="sentence"):
        TextFeatures(
            words=torch.zeros(2, 3, 4),
            sentence=torch.zeros(2, 5),
            padding=torch.zeros(2, 4, dtype=torch.bool),
        )


def test_a_function_refuses_words_of_another_width() -> None:
    with pytest.raises(TypeCheckError, match="words"):
        word_attention(torch.zeros(1, 3, 2, 2), torch.zeros(1, 4, 5), torch.zeros(1, 5, dtype=torch.bool))


def test_a_function_refuses_a_mask_that_is_not_boolean() -> None:
    with pytest.raises(TypeCheckError, match="padding"):
        word_attention(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 5), torch.zeros(1, 5))


def test_a_function_refuses_lengths_of_another_batch() -> None:
    with pytest.raises(TypeCheckError, match="lengths"):
        region_matching(
            torch.zeros(2, 3, 4), torch.zeros(1, 3, 9), torch.tensor([1, 2, 3]), gamma1=4, gamma2=5
        )
