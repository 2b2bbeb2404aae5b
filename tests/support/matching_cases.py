"""Inputs of region matching in many shapes and layouts, and how far results are from exact ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from kernel_devices import device_for
from torch import Tensor

from attnforge.kernels.region_matching import region_matching

LAYOUTS = ("vectors-apart", "vectors-whole", "map-channels-last", "sliced")

FARTHEST = {"float32": (5e-6, 1e-5), "tf32": (5e-4, 3e-3), "float16": (5e-4, 3e-3), "bfloat16": (5e-3, 2e-2)}
"""By precision, errors of scores, and of gradients relative to their largest number."""

Results = tuple[Tensor, Tensor, Tensor]
"""Scores, and the gradients of words and regions."""


@dataclass(frozen=True)
class Matching:
    """What region matching is given."""

    images: int
    captions: int
    words: int
    regions: int
    width: int
    layout: str = LAYOUTS[0]
    gamma1: float = 4.0

    def __str__(self) -> str:
        sizes = f"i{self.images}-t{self.captions}-l{self.words}-n{self.regions}-d{self.width}"
        return f"{sizes}-{self.layout}-{self.gamma1:g}"

    def inputs(self, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
        """Words, regions and ragged lengths; the first caption has a single word, the last one is longest."""
        new = torch.Generator().manual_seed(self.images + self.captions + self.words + self.regions)
        scale = 1.2 / self.width**0.25
        lengths = torch.randint(1, self.words + 1, (self.captions,), generator=new)
        lengths[0], lengths[-1] = 1, self.words
        words = (scale * torch.randn(self.captions, self.width, self.words, generator=new)).to(dtype)
        regions = (scale * torch.randn(self.images, self.width, self.regions, generator=new)).to(dtype)
        if self.layout == "vectors-whole":
            words, regions = (one.transpose(1, 2).contiguous().transpose(1, 2) for one in (words, regions))
        elif self.layout == "map-channels-last":
            regions = regions[:, :, None].contiguous(memory_format=torch.channels_last)
        elif self.layout == "sliced":
            around = regions.new_full((self.images, 2 * self.width, 3 * self.regions), torch.nan)
            around[:, ::2, ::3] = regions
            regions = around[:, ::2, ::3]
        return words, regions, lengths

    def pull(self) -> Tensor:
        """A gradient of the scores."""
        new = torch.Generator().manual_seed(2)
        return torch.randn(self.images, self.captions, generator=new)

    def results(
        self,
        kernel: str,
        dtype: torch.dtype = torch.float32,
        *,
        precise: bool = False,
        pull: Tensor | None = None,
        **options: object,
    ) -> Results:
        """What a kernel gives for inputs of a type, computed in that type, or in float64 with `precise`."""
        return computed(
            *self.inputs(dtype),
            self.pull() if pull is None else pull,
            kernel,
            gamma1=self.gamma1,
            precise=precise,
            **options,
        )


def computed(
    words: Tensor,
    regions: Tensor,
    lengths: Tensor,
    pull: Tensor,
    kernel: str,
    *,
    gamma1: float = 4.0,
    precise: bool = False,
    **options: object,
) -> Results:
    """Scores and gradients, computed where the kernel can run."""
    device = device_for(kernel)
    if precise:
        words, regions = words.double(), regions.double()
    words, regions = (one.detach().to(device).requires_grad_() for one in (words, regions))
    sharpness = {"gamma1": gamma1, "gamma2": 5.0}
    scores = region_matching(words, regions, lengths.to(device), kernel=kernel, **sharpness, **options)  # type: ignore[arg-type]
    found = torch.autograd.grad(scores, (words, regions), pull.to(device, scores.dtype))
    return scores.detach().cpu(), found[0].cpu(), found[1].cpu()


def errors(found: Results, exact: Results) -> tuple[float, float]:
    """The largest error of scores, and of gradients relative to their largest number."""
    scores, *gradients = (
        (one.double() - other).abs().max().item() for one, other in zip(found, exact, strict=True)
    )
    sizes = [one.abs().max().item() for one in exact[1:]]
    return scores, max(error / size if size else error for error, size in zip(gradients, sizes, strict=True))


def bounds(case: Matching, precision: str, exact: Results, *, by: str = "reference") -> tuple[float, ...]:
    """How far off a precision may be: as the table says, or twice as far as rounding the inputs alone is.

    Args:
        case: What is computed.
        precision: The precision.
        exact: Its results in float64.
        by: The kernel that computes what rounding the inputs does; on many pairs `cpu` is faster.
    """
    if precision == "float32":
        return FARTHEST[precision]
    rounded = torch.bfloat16 if precision == "bfloat16" else torch.float16
    own = errors(case.results(by, rounded), exact)
    return tuple(max(most, 2 * error) for most, error in zip(FARTHEST[precision], own, strict=True))
