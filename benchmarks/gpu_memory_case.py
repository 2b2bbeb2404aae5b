"""A forward and a backward pass of each Triton operation, for memory checkers; the sizes fill no block."""

from __future__ import annotations

import torch

from attnforge.kernels.region_matching import region_matching
from attnforge.kernels.word_attention import attend_and_join


def main() -> None:
    """Run each operation once in two types."""
    for dtype in (torch.float32, torch.bfloat16):
        features = torch.randn(2, 20, 9, 11, device="cuda", dtype=dtype, requires_grad=True)
        words = torch.randn(2, 20, 7, device="cuda", dtype=dtype, requires_grad=True)
        padding = torch.arange(7, device="cuda")[None] >= torch.tensor([[7], [3]], device="cuda")
        joined, weights = attend_and_join(features, words, padding, return_weights=True, kernel="triton")
        assert weights is not None  # noqa: S101
        torch.autograd.grad(joined.sum() + weights.sum(), (features, words))

        captions = torch.randn(3, 40, 18, device="cuda", dtype=dtype, requires_grad=True)
        regions = torch.randn(2, 40, 65, device="cuda", dtype=dtype, requires_grad=True)
        lengths = torch.tensor([1, 18, 9], device="cuda")
        scores = region_matching(captions, regions, lengths, gamma1=4.0, gamma2=5.0, kernel="triton")
        torch.autograd.grad(scores.sum(), (captions, regions))
    torch.cuda.synchronize()
    print("ran")


if __name__ == "__main__":
    main()
