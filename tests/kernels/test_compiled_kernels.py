"""Compiling, exporting and torch's own rules for operators, for all kernels in one process."""

from __future__ import annotations

import pytest
from compiled_kernels import CHECKS, passed_apart

from attnforge.kernels import gpu


@pytest.fixture(scope="module")
def passed() -> set[str]:
    return passed_apart()


@pytest.mark.parametrize("name", CHECKS)
def test_torch_takes_the_operators(name: str, passed: set[str]) -> None:
    if name.endswith("[triton]") and gpu.INTERPRETER_FAULT is not None:
        pytest.skip(gpu.INTERPRETER_FAULT)
    assert name in passed
