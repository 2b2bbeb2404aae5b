"""A network that is used as it is: CLIP, VGG, DINO or a classifier inside a loss or a discriminator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from torch import Tensor, nn


class Frozen(nn.Module):
    """Holds a pretrained network that is moved and called, but never trained, averaged, copied or saved.

    Its weights are no parameters of the module that contains it: optimizers, averages and checkpoints do not
    see them, and `train()` leaves it in evaluation mode. Gradients pass through to its inputs. It shares its
    network with every copy, so an average of the module around it costs no memory for it.

    Args:
        network: The network; its weights are frozen.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        # not a registered submodule, so that nothing finds its weights
        object.__setattr__(self, "_network", network.requires_grad_(False).eval())

    @property
    def network(self) -> nn.Module:
        """The network itself, for its other methods."""
        network: nn.Module = self.__dict__["_network"]
        return network

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """What the network returns."""
        return self.network(*inputs, **options)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.network._apply(fn)  # type: ignore[no-untyped-call]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Frozen:
        copy = Frozen(self.network)
        memo[id(self)] = copy
        return copy
