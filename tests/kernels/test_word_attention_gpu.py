"""Word attention on a real GPU: large maps, and CUDA graphs that are played again with other inputs."""

from __future__ import annotations

import pytest
import torch
from attention_cases import Case, errors, moved
from torch.library import opcheck

from attnforge.kernels.gpu import interpreted
from attnforge.kernels.word_attention import attend_and_join, launches

pytestmark = pytest.mark.skipif(not torch.cuda.is_available() or interpreted(), reason="no GPU is at hand")

TYPES = [torch.float32, torch.bfloat16, torch.float16]
FARTHEST = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 2.4e-2}
"""Errors relative to the largest number, gradients included."""


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("layout", ["contiguous", "channels-last", "sliced"])
@pytest.mark.parametrize("channels", [32, 48, 64])
def test_large_maps_are_near(channels: int, layout: str, dtype: torch.dtype) -> None:
    case = Case(batch=16, words=18, size=(128, 128), channels=channels, layout=layout, join=True)
    exact = case.results("reference", dtype, precision=torch.double)
    assert max(errors(case.results("triton", dtype), exact).values()) < FARTHEST[dtype]


@pytest.mark.parametrize("dtype", TYPES)
def test_a_graph_is_played_again_with_other_inputs(dtype: torch.dtype) -> None:
    def numbers(case: Case) -> list[torch.Tensor]:
        return [moved(one, "cuda") for one in case.inputs(dtype)]

    held = numbers(Case(batch=4, words=12, size=(32, 32), channels=32))
    leaves = held[0].requires_grad_(), held[1].requires_grad_()

    def step() -> tuple[torch.Tensor, ...]:
        joined, _ = attend_and_join(*leaves, held[2])
        return joined, *torch.autograd.grad(joined, leaves, torch.ones_like(joined))

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        played = step()
    features, words, padding = numbers(Case(batch=4, words=12, size=(32, 32), channels=32))
    with torch.no_grad():
        leaves[0].copy_(features.flip(0))
        leaves[1].copy_(words.flip(0))
        held[2].copy_(padding.flip(0))
    graph.replay()
    for one, other in zip(played, step(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("generation", [8, 9])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("words", [12, 18])
@pytest.mark.parametrize("channels", [32, 64, 128])
def test_every_launch_of_the_table_runs(
    channels: int, words: int, dtype: torch.dtype, generation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_table = launches.launch_for
    monkeypatch.setattr(
        launches,
        "launch_for",
        lambda program, **sizes: of_table(program, **{**sizes, "generation": generation}),
    )
    case = Case(batch=2, words=words, size=(33, 31), channels=channels)
    exact = case.results("reference", dtype, precision=torch.double)
    assert max(errors(case.results("triton", dtype), exact).values()) < FARTHEST[dtype]


@pytest.mark.parametrize("join", [False, True])
def test_the_operators_keep_the_rules_of_torch_on_a_gpu(join: bool) -> None:
    case = Case(batch=2, words=7, size=(9, 11), channels=20, layout="channels-last", join=join)
    features, words, padding = (moved(one, "cuda") for one in case.inputs(torch.float32))
    leaves = features.requires_grad_(), words.requires_grad_()
    opcheck(torch.ops.attnforge.word_attention.default, (*leaves, padding, "triton", join, True))
    context, weights = torch.ops.attnforge.word_attention.default(*leaves, padding, "triton", join, True)
    pulls = torch.randn_like(context), torch.randn_like(weights)
    opcheck(
        torch.ops.attnforge.word_attention_backward.default,
        (*pulls, features.detach(), words.detach(), padding, "triton", join),
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_on_a_gpu_gives_its_own_type(dtype: torch.dtype) -> None:
    case = Case(batch=2, words=7, size=(16, 16), channels=32)
    features, words, padding = (moved(one, "cuda") for one in case.inputs(torch.float32))
    with torch.autocast("cuda", dtype):
        joined, _ = attend_and_join(features.requires_grad_(), words.requires_grad_(), padding)
    assert joined.dtype is dtype
    joined.sum().backward()
    assert features.grad is not None
    assert features.grad.dtype is torch.float32
