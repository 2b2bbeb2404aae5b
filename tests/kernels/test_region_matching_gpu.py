"""Region matching on a real GPU: large batches, graphs that are played again, and memory."""

from __future__ import annotations

import pytest
import torch
from matching_cases import FARTHEST, LAYOUTS, Matching, bounds, errors
from torch.library import opcheck

from attnforge.kernels.gpu import interpreted
from attnforge.kernels.region_matching import launches, region_matching
from attnforge.kernels.region_matching.gpu import WORKSPACE

pytestmark = pytest.mark.skipif(not torch.cuda.is_available() or interpreted(), reason="no GPU is at hand")

SHARPNESS = {"gamma1": 4.0, "gamma2": 5.0}
TYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@pytest.mark.parametrize("precision", FARTHEST)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("words", "width"), [(5, 64), (18, 256), (40, 128), (18, 200)])
def test_large_batches_are_near(words: int, width: int, layout: str, precision: str) -> None:
    case = Matching(images=24, captions=24, words=words, regions=289, width=width, layout=layout)
    exact = case.results("cpu", precise=True)
    found = errors(case.results("triton", precision=precision), exact)
    for error, most in zip(found, bounds(case, precision, exact, by="cpu"), strict=True):
        assert error <= most


@pytest.mark.parametrize("precision", FARTHEST)
def test_three_runs_give_the_same_bits(precision: str) -> None:
    case = Matching(images=48, captions=48, words=18, regions=289, width=256)
    first, *others = (case.results("triton", precision=precision) for _ in range(3))
    for other in others:
        assert all(torch.equal(one, two) for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize("filtered", [0.0, 0.1])
def test_a_graph_is_played_again_with_other_inputs(filtered: float) -> None:
    case = Matching(images=16, captions=16, words=18, regions=64, width=64)
    words, regions, lengths = (one.cuda() for one in case.inputs(torch.bfloat16))
    pull = case.pull().cuda()
    leaves = words.requires_grad_(), regions.requires_grad_()

    def step() -> tuple[torch.Tensor, ...]:
        scores = region_matching(*leaves, lengths, **SHARPNESS, filter=filtered)
        return scores, *torch.autograd.grad(scores, leaves, pull)

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        played = step()
    with torch.no_grad():
        for one in (*leaves, lengths, pull):
            one.copy_(one.flip(0))
    graph.replay()
    for one, other in zip(played, step(), strict=True):
        assert torch.equal(one, other)


def test_nothing_waits_for_the_gpu() -> None:
    case = Matching(images=16, captions=16, words=18, regions=64, width=64)
    words, regions, lengths = (one.cuda() for one in case.inputs())
    leaves = words.requires_grad_(), regions.requires_grad_()
    region_matching(*leaves, lengths, **SHARPNESS).sum().backward()
    torch.cuda.set_sync_debug_mode("error")
    try:
        region_matching(*leaves, lengths, **SHARPNESS, filter=0.1).sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("precision", TYPES)
def test_a_backward_pass_keeps_inputs_and_scores_and_works_in_bounded_memory(precision: str) -> None:
    case = Matching(images=256, captions=256, words=18, regions=289, width=256)
    words, regions, lengths = (one.cuda() for one in case.inputs(TYPES[precision]))
    leaves = words.requires_grad_(), regions.requires_grad_()
    region_matching(words[:2], regions[:2], lengths[:2], **SHARPNESS).sum().backward()
    words.grad = regions.grad = None
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    scores = region_matching(*leaves, lengths, **SHARPNESS)
    # the scores, and an allocator that deals in blocks
    assert torch.cuda.memory_allocated() - before <= scores.nbytes + 4096
    torch.cuda.reset_peak_memory_stats()
    scores.sum().backward()
    torch.cuda.synchronize()
    inputs = sum(one.nbytes for one in leaves)
    of_words = 2 * 3 * words.numel() * 4
    most = inputs + 8 * scores.numel() + 2 * WORKSPACE + of_words
    assert torch.cuda.max_memory_allocated() - before <= most


@pytest.mark.parametrize(("generation", "half"), [(8, "float16"), (9, "bfloat16")])
@pytest.mark.parametrize("kind", ["half", "tf32", "float32"])
@pytest.mark.parametrize("width", [64, 128, 256])
def test_every_launch_of_the_table_runs(
    width: int, kind: str, generation: int, half: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Captions of up to 64 words fill all four buckets."""
    of_table = launches.launch_for
    monkeypatch.setattr(
        launches,
        "launch_for",
        lambda program, **sizes: of_table(program, **{**sizes, "generation": generation}),
    )
    precision = half if kind == "half" else kind
    case = Matching(images=3, captions=24, words=64, regions=70, width=width)
    exact = case.results("cpu", precise=True)
    measured = errors(case.results("triton", precision=precision), exact)
    for error, most in zip(measured, bounds(case, precision, exact, by="cpu"), strict=True):
        assert error <= most


def test_the_operators_keep_the_rules_of_torch_on_a_gpu() -> None:
    case = Matching(images=3, captions=4, words=18, regions=65, width=48)
    words, regions, lengths = (one.cuda() for one in case.inputs())
    options = ("triton", 4.0, 5.0, "auto", False)
    leaves = words.requires_grad_(), regions.requires_grad_()
    opcheck(torch.ops.attnforge.region_matching.default, (*leaves, lengths, *options))
    scores = torch.ops.attnforge.region_matching.default(*leaves, lengths, *options).detach()
    tensors = torch.randn_like(scores), scores, words.detach(), regions.detach(), lengths
    opcheck(torch.ops.attnforge.region_matching_backward.default, (*tensors, *options))
