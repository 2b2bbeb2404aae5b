"""Word attention by the attentions that come with torch, as far as they can express it.

None gives the weights, writes behind the features, or reads pixels whose channels stand apart in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from kernel_cases import Case, Inputs
from torch import Tensor
from torch.nn.attention.flex_attention import flex_attention
from torch.nn.functional import scaled_dot_product_attention

HALVES = (torch.bfloat16, torch.float16)


def sdpa(inputs: Inputs) -> Tensor:
    """`scaled_dot_product_attention` with padding as a mask; one head."""
    features, words = inputs.asked, inputs.words.transpose(1, 2)[:, None]
    asking = features.flatten(2).transpose(1, 2)[:, None]
    mask = ~inputs.padding[:, None, None]
    context = scaled_dot_product_attention(asking, words, words, attn_mask=mask, scale=1.0)
    return context[:, 0].transpose(1, 2).reshape(features.shape)


def refuse_varlen(case: Case) -> str:
    """Why `varlen_attn` cannot run there, or nothing."""
    if case.device.type != "cuda":
        return "varlen_attn runs on GPUs alone"
    if case.dtype not in HALVES:
        return "varlen_attn takes halves alone"
    return "varlen_attn takes widths divisible by 8" if case.width % 8 else ""


def varlen(case: Case) -> Callable[[Inputs], Tensor]:
    """`varlen_attn`, which needs no mask; where captions begin and end is said beforehand."""
    from torch.nn.attention.varlen import varlen_attn

    lengths = torch.tensor(case.lengths(), device=case.device)
    captions = torch.zeros(case.batch + 1, dtype=torch.int32, device=case.device)
    captions[1:] = lengths.cumsum(0)
    maps = torch.arange(case.batch + 1, dtype=torch.int32, device=case.device) * case.queries
    caption, word = (torch.arange(case.words, device=case.device) < lengths[:, None]).nonzero(as_tuple=True)

    def run(inputs: Inputs) -> Tensor:
        asking = inputs.asked.flatten(2).transpose(1, 2).reshape(-1, 1, case.width)
        words = inputs.words.transpose(1, 2)[caption, word][:, None]
        context: Any = varlen_attn(asking, words, words, maps, captions, case.queries, case.words, scale=1.0)
        mapped: Tensor = context.view(case.batch, case.queries, -1).transpose(1, 2)
        return mapped.reshape(inputs.asked.shape)

    return run


def refuse_flex(case: Case) -> str:
    """Why FlexAttention cannot run there, or nothing."""
    return "FlexAttention takes widths of 16 and more" if case.width < 16 else ""


def refuse_flex_backward(case: Case) -> str:
    """Why FlexAttention has no backward pass there, or nothing."""
    return "FlexAttention has no backward pass on processors" if case.device.type == "cpu" else ""


def flex() -> Callable[[Inputs], Tensor]:
    """FlexAttention, which is always compiled, with padding as a change of scores."""
    compiled = torch.compile(flex_attention, dynamic=False)

    def run(inputs: Inputs) -> Tensor:
        padding = inputs.padding

        def hide(score: Tensor, sample: Tensor, head: Tensor, pixel: Tensor, word: Tensor) -> Tensor:
            return torch.where(padding[sample, word], -float("inf"), score)

        asking = inputs.asked.flatten(2).transpose(1, 2)[:, None]
        words = inputs.words.transpose(1, 2)[:, None]
        context: Any = compiled(asking, words, words, score_mod=hide, scale=1.0)
        mapped: Tensor = context[:, 0].transpose(1, 2)
        return mapped.reshape(inputs.asked.shape)

    return run
