"""The Triton programs of both kernels compile for A100 and H100 within their budgets, without a GPU."""

from __future__ import annotations

import importlib.util

import pytest
from launch_budgets import keep_within_budgets
from offline_kernels import compiled_offline

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")


def test_the_models_of_the_paper_keep_within_their_budgets() -> None:
    found = compiled_offline("region_matching_offline:some", "word_attention_offline:some")
    assert len(found) == 10
    keep_within_budgets(found)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("kernel", "launches"), [("region_matching", 250), ("word_attention", 100)])
def test_no_launch_of_the_table_spills_more_than_the_budget(kernel: str, launches: int) -> None:
    found = compiled_offline(f"{kernel}_offline:every")
    assert len(found) > launches
    keep_within_budgets(found)
