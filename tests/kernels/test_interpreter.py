"""Triton's interpreter is refused where it cannot work with the numpy that is installed."""

from __future__ import annotations

import pytest
import torch

from attnforge.kernels import gpu
from attnforge.kernels.operations import operations
from attnforge.values import Situation


@pytest.mark.parametrize(
    ("triton", "numpy", "works"),
    [
        ("3.6.0", "2.4.0", False),
        ("3.6.0+git1234", "2.5.2", False),
        ("3.6.0", "3.0.0rc1", False),
        ("3.6.0", "2.3.9", True),
        ("3.7.0", "2.4.0", True),
        ("3.10.0.dev1", "2.5.2", True),
        (None, "2.5.2", True),
    ],
)
def test_combinations_that_cannot_work_are_known(triton: str | None, numpy: str, works: bool) -> None:
    assert (gpu.fault_of_interpreter(triton=triton, numpy=numpy) is None) is works


def test_the_fault_is_told_where_a_kernel_would_be_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = gpu.fault_of_interpreter(triton="3.6.0", numpy="2.5.2")
    monkeypatch.setattr(gpu, "INTERPRETER_FAULT", fault)
    monkeypatch.setattr(gpu, "INSTALLED", True)
    assert fault is not None
    assert "Triton 3.6.0" in fault
    assert "numpy 2.5.2" in fault
    for operation in operations():
        situation = Situation(
            device=torch.device("cpu"), dtype=torch.float32, sizes=operation.sizes, gradient=True
        )
        kernel = next(kernel for kernel in operation.kernels if kernel.name == "triton")
        monkeypatch.setattr(gpu, "interpreted", lambda: True)
        assert kernel.refuse(situation) == fault
        monkeypatch.setattr(gpu, "interpreted", lambda: False)
        assert "Triton compiles for GPUs" in (kernel.refuse(situation) or "")
