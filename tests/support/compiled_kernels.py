"""What torch makes of the kernels' operators, in a process of its own without the tests' import hook.

Dynamo cannot read functions that the hook has wrapped. Each function below is a check of a kernel that fails
loudly; what came of each is printed as JSON, an empty text or a traceback. Kernels in Triton run in its
interpreter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

CHECKS: dict[str, Callable[[], None]] = {}


def check(*kernels: str) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    """Add a check of each of the kernels, named `function[kernel]`."""

    def add(function: Callable[[str], None]) -> Callable[[str], None]:
        CHECKS.update({f"{function.__name__}[{kernel}]": partial(function, kernel) for kernel in kernels})
        return function

    return add


def outcomes_apart() -> dict[str, str]:
    """Run all checks in a process of their own; gives an empty text for each that passed, or a traceback."""
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    done = subprocess.run([sys.executable, __file__], env=environment, capture_output=True, text=True)
    printed = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    ended = f"the process ended with {done.returncode} before this check\n{done.stderr}"
    return dict.fromkeys(CHECKS, ended) | dict(printed)


@check("auto", "cpu", "triton")
def word_attention_compiles_whole_and_gives_the_same_gradients(kernel: str) -> None:
    import torch
    from attention_cases import Case

    from attnforge.kernels.word_attention import attend_and_join

    def loss(features, words, padding, kernel):
        joined, weights = attend_and_join(features, words, padding, return_weights=True, kernel=kernel)
        return joined.square().sum() + weights.square().sum()

    whole = torch.compile(loss, fullgraph=True, backend="aot_eager")
    # A second size, with which dynamo traces once more, with symbols for what changed.
    for batch in (2, 3):
        features, words, padding = Case(batch, 7, (5, 6), 8).inputs(torch.float32)
        leaves = features.requires_grad_(), words.requires_grad_()
        found = torch.autograd.grad(whole(*leaves, padding, kernel), leaves)
        expected = torch.autograd.grad(loss(*leaves, padding, kernel), leaves)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other)


@check("auto")
def word_attention_is_one_node_of_an_exported_model_of_any_batch(kernel: str) -> None:
    import torch
    from attention_cases import Case

    from attnforge.kernels.word_attention import word_attention

    class Model(torch.nn.Module):
        def forward(self, features, words, padding):
            return word_attention(features, words, padding, kernel=kernel)[0]

    batch, longest = torch.export.Dim("batch", min=2, max=4096), torch.export.Dim("longest", min=2, max=64)
    sizes = ({0: batch}, {0: batch, 2: longest}, {0: batch, 1: longest})
    for strict in (False, True):
        inputs = Case(4, 7, (5, 6), 8).inputs(torch.float32)
        program = torch.export.export(Model(), inputs, dynamic_shapes=sizes, strict=strict)
        nodes = [str(node.target) for node in program.graph.nodes]
        assert nodes.count("attnforge.word_attention.default") == 1, nodes
        others = Case(3, 9, (5, 6), 8).inputs(torch.float32)
        torch.testing.assert_close(program.module()(*others), Model()(*others))
        others[0].requires_grad_()
        assert program.module()(*others).requires_grad


@check("cpu", "triton")
def word_attention_operators_keep_torchs_rules(kernel: str) -> None:
    import torch
    from attention_cases import LAYOUTS, Case
    from torch.library import opcheck

    forward = torch.ops.attnforge.word_attention.default
    backward = torch.ops.attnforge.word_attention_backward.default
    layouts = {"cpu": ((LAYOUTS[1], True), (LAYOUTS[2], False)), "triton": ((LAYOUTS[2], True),)}
    for layout, join in layouts[kernel]:
        features, words, padding = Case(2, 7, (5, 6), 8, layout).inputs(torch.float32)
        leaves = features.clone().requires_grad_(), words.clone().requires_grad_()
        opcheck(forward, (*leaves, padding, kernel, join, True))
        opcheck(forward, (features, words, padding, kernel, join, False))
        context, weights = forward(features, words, padding, kernel, join, True)
        pulls = torch.randn_like(context), torch.randn_like(weights)
        opcheck(backward, (*pulls, features, words, padding, kernel, join))
        opcheck(backward, (pulls[0], None, features, words, padding, kernel, join))


@check("cpu", "triton")
def word_attention_has_shapes_without_numbers(kernel: str) -> None:
    import torch

    from attnforge.kernels.word_attention import attend_and_join

    features, words = torch.empty(2, 8, 5, 6, device="meta"), torch.empty(2, 8, 7, device="meta")
    padding = torch.empty(2, 7, dtype=torch.bool, device="meta")
    joined, weights = attend_and_join(features, words, padding, return_weights=True)
    assert (joined.shape, weights.shape) == ((2, 16, 5, 6), (2, 7, 5, 6))
    for join in (True, False):
        context, weights = torch.ops.attnforge.word_attention(features, words, padding, kernel, join, True)
        assert (context.shape, weights.shape) == ((2, 16 if join else 8, 5, 6), (2, 7, 5, 6))
        assert context.device.type == "meta"


def region_matching_inputs(captions: int = 3, longest: int = 7) -> tuple[Any, ...]:
    import torch

    lengths = torch.arange(1, captions + 1) + longest - captions
    return torch.randn(captions, 8, longest), torch.randn(2, 8, 11), lengths


@check("auto", "triton")
def region_matching_compiles_whole_and_gives_the_same_gradients(kernel: str) -> None:
    import torch

    from attnforge.kernels.region_matching import region_matching

    def loss(words, regions, lengths, kernel):
        scores = region_matching(words, regions, lengths, gamma1=4.0, gamma2=5.0, kernel=kernel)
        return scores.square().sum()

    whole = torch.compile(loss, fullgraph=True, backend="aot_eager")
    for captions in (2, 3):
        words, regions, lengths = region_matching_inputs(captions)
        leaves = words.requires_grad_(), regions.requires_grad_()
        found = torch.autograd.grad(whole(*leaves, lengths, kernel), leaves)
        expected = torch.autograd.grad(loss(*leaves, lengths, kernel), leaves)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other)


@check("auto")
def region_matching_is_one_node_of_an_exported_model(kernel: str) -> None:
    import torch

    from attnforge.kernels.region_matching import region_matching

    class Model(torch.nn.Module):
        def forward(self, words, regions, lengths):
            return region_matching(words, regions, lengths, gamma1=4.0, gamma2=5.0, kernel=kernel)

    captions = torch.export.Dim("captions", min=2, max=4096)
    sizes = ({0: captions}, None, {0: captions})
    program = torch.export.export(Model(), region_matching_inputs(3), dynamic_shapes=sizes)
    nodes = [str(node.target) for node in program.graph.nodes]
    assert nodes.count("attnforge.region_matching.default") == 1, nodes
    others = region_matching_inputs(5)
    torch.testing.assert_close(program.module()(*others), Model()(*others))


@check("cpu", "triton")
def region_matching_operators_keep_torchs_rules(kernel: str) -> None:
    import torch
    from torch.library import opcheck

    forward = torch.ops.attnforge.region_matching.default
    backward = torch.ops.attnforge.region_matching_backward.default
    words, regions, lengths = region_matching_inputs()
    options = (kernel, 4.0, 5.0, "auto", kernel == "triton")
    for layout in (words, words.transpose(1, 2).contiguous().transpose(1, 2)):
        leaves = layout.clone().requires_grad_(), regions.clone().requires_grad_()
        opcheck(forward, (*leaves, lengths, *options))
        scores = forward(layout, regions, lengths, *options)
        opcheck(backward, (torch.randn_like(scores), scores, layout, regions, lengths, *options))
    found = forward(words.to("meta"), regions.to("meta"), lengths.to("meta"), *options)
    assert found.shape == (2, 3)
    assert found.device.type == "meta"


def main() -> None:
    for name, function in CHECKS.items():
        try:
            function()
        except Exception:
            print(json.dumps([name, traceback.format_exc()]), flush=True)
        else:
            print(json.dumps([name, ""]), flush=True)


if __name__ == "__main__":
    main()
