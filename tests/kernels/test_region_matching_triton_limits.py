"""What the Triton programs of region matching keep, take and refuse."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import pytest
import torch
from kernel_devices import device_for
from live_bytes import LiveBytes
from matching_cases import Matching, errors

from attnforge.errors import AttnforgeError
from attnforge.kernels import gpu as gpus
from attnforge.kernels.dispatch import choose
from attnforge.kernels.region_matching import OPERATION, region_matching
from attnforge.values import Situation

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")


def test_only_inputs_and_scores_are_kept_for_a_backward_pass() -> None:
    words, regions, lengths = Matching(images=3, captions=2, words=5, regions=9, width=16).inputs()
    device = device_for("triton")
    leaves = words.to(device).requires_grad_(), regions.to(device).requires_grad_()
    saved: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda one: saved.append(one) or one, lambda one: one):
        scores = region_matching(*leaves, lengths.to(device), gamma1=4.0, gamma2=5.0, kernel="triton")
    held = {one.data_ptr(): one.nbytes for one in saved}
    given = sum(one.nbytes for one in (*leaves, lengths))
    assert sum(held.values()) == given + scores.nbytes == given + 4 * 3 * 2


class Nothing:
    """Stands in for all programs, and computes nothing."""

    def __getitem__(self, grid: object) -> Callable[..., None]:
        return lambda *arguments, **constants: None


def test_nothing_asks_the_device_for_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors without numbers cannot give any: a GPU is never waited for, and graphs can be captured."""
    from attnforge.kernels.region_matching import gpu, gpu_gradient, launches

    monkeypatch.setattr(launches, "prepared", lambda *arguments, **options: (Nothing(), {}))
    words, regions = torch.empty(5, 20, 18, device="meta"), torch.empty(3, 20, 7, device="meta")
    lengths = torch.empty(5, dtype=torch.int64, device="meta")
    options = {"gamma1": 4.0, "gamma2": 5.0, "precision": "float16"}
    scores = gpu.forward(words, regions, lengths, **options)  # type: ignore[arg-type]
    assert scores.shape == (3, 5)
    for sparse in (False, True):
        found = gpu_gradient.backward(scores, scores, words, regions, lengths, sparse=sparse, **options)  # type: ignore[arg-type]
        assert [one.shape for one in found] == [words.shape, regions.shape]


@pytest.mark.parametrize(("dtype", "sparse"), [(torch.float32, False), (torch.bfloat16, True)])
def test_a_backward_pass_works_in_bounded_memory(
    dtype: torch.dtype, sparse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted on tensors without numbers, in the size of a large batch."""
    from attnforge.kernels.region_matching import gpu, gpu_gradient, launches

    monkeypatch.setattr(launches, "prepared", lambda *arguments, **options: (Nothing(), {}))

    def most(images: int) -> int:
        words = torch.empty(1024, 256, 18, dtype=dtype, device="meta")
        regions = torch.empty(images, 256, 289, dtype=dtype, device="meta")
        scores = torch.empty(images, 1024, device="meta")
        lengths = torch.empty(1024, dtype=torch.int64, device="meta")
        options = {"gamma1": 4.0, "gamma2": 5.0, "precision": "auto", "sparse": sparse}
        with LiveBytes() as live:
            gpu_gradient.backward(scores, scores, words, regions, lengths, **options)  # type: ignore[arg-type]
        return live.most

    of_words, of_image = 256 * 18, 256 * 289 * dtype.itemsize
    # gradients of regions; words as factors, and their sums and gradient; sums of parts
    results = 256 * of_image + 1024 * of_words * (dtype.itemsize + 2 * 4)
    assert gpu.WORKSPACE / 2 < most(256) - results <= gpu.WORKSPACE + 2**23
    assert abs(most(320) - most(256) - 64 * of_image) < 2**21


@pytest.mark.parametrize(
    ("case", "precision", "reason"),
    [
        (Matching(1, 1, 2, 3, 257), "float32", "up to 256 channels"),
        (Matching(1, 1, 65, 3, 8), "float32", "up to 64 words"),
        (Matching(1, 1, 2, 3, 8, gamma1=11.0), "float16", "float16 overflows"),
        (Matching(1, 1, 2, 3, 8, gamma1=31.0), "bfloat16", "bfloat16 overflows"),
    ],
    ids=str,
)
def test_it_says_what_it_cannot_do(case: Matching, precision: str, reason: str) -> None:
    with pytest.raises(AttnforgeError) as caught:
        case.results("triton", precision=precision)
    (problem,) = caught.value.problems
    assert problem.code == "kernel-refused"
    assert reason in problem.message


@pytest.mark.parametrize(
    ("capability", "changed", "chosen"),
    [
        ((9, 0), {}, "triton"),
        ((12, 0), {}, "triton"),
        ((7, 5), {}, "torch"),
        ((9, 0), {"d": 512}, "torch"),
        ((9, 0), {"l": 65}, "torch"),
    ],
)
def test_auto_takes_it_on_gpus_where_it_can_run(
    capability: tuple[int, int], changed: dict[str, int], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    situation = Situation(
        device=torch.device("cuda"),
        dtype=torch.bfloat16,
        sizes=dict(OPERATION.sizes) | changed,
        gradient=True,
        options={"gamma1": 4.0, "gamma2": 5.0, "precision": "auto"},
    )
    monkeypatch.setattr(gpus, "interpreted", lambda: True)
    assert choose(OPERATION.name, OPERATION.kernels, situation).name == "torch"
    monkeypatch.setattr(gpus, "interpreted", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose(OPERATION.name, OPERATION.kernels, situation).name == chosen


@pytest.mark.parametrize(
    ("dtype", "precision", "pairs", "chosen"),
    [
        (torch.float32, "auto", 32, "triton"),
        (torch.float32, "auto", 48, "torch"),
        (torch.float32, "tf32", 48, "triton"),
        (torch.bfloat16, "float32", 48, "torch"),
        (torch.bfloat16, "auto", 256, "triton"),
    ],
)
def test_auto_leaves_many_pairs_of_whole_float32_to_plain_torch(
    dtype: torch.dtype, precision: str, pairs: int, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    situation = Situation(
        device=torch.device("cuda"),
        dtype=dtype,
        sizes=dict(OPERATION.sizes) | {"i": pairs, "t": pairs},
        gradient=True,
        options={"gamma1": 4.0, "gamma2": 5.0, "precision": precision},
    )
    monkeypatch.setattr(gpus, "interpreted", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert choose(OPERATION.name, OPERATION.kernels, situation).name == chosen


def test_it_computes_up_to_its_limits() -> None:
    case = Matching(images=1, captions=2, words=64, regions=3, width=256, gamma1=30.0)
    exact = case.results("reference", precise=True)
    assert all(one.isfinite().all() for one in case.results("triton"))
    assert errors(case.results("triton"), exact)[0] < 5e-6
