"""Compiling, exporting and torch's own rules for operators, for all kernels in one process."""

from __future__ import annotations

import pytest
from compiled_kernels import CHECKS, outcomes_apart

from attnforge.kernels import gpu


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    return outcomes_apart()


@pytest.mark.parametrize("name", CHECKS)
def test_torch_takes_the_operators(name: str, outcomes: dict[str, str]) -> None:
    if name.endswith("[triton]") and gpu.INTERPRETER_FAULT is not None:
        pytest.skip(gpu.INTERPRETER_FAULT)
    assert not outcomes[name], outcomes[name]
