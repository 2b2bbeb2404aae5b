"""Freezes weights for the time of a step, and chooses those that are trained."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from torch import nn

from attnforge.errors import Problem, RecipeError, nearest


@contextmanager
def frozen(weights: Iterable[nn.Parameter]) -> Iterator[None]:
    """Freeze trainable weights inside the context; those frozen before stay frozen after."""
    trained = [weight for weight in weights if weight.requires_grad]
    for weight in trained:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in trained:
            weight.requires_grad_(True)


def weights_of(network: nn.Module, names: Collection[str]) -> list[nn.Parameter]:
    """The weights of some submodules of a network, in the network's order; of all without names.

    Raises:
        RecipeError: the network has no submodule of such a name.
    """
    if not names:
        return list(network.parameters())
    submodules = dict(network.named_modules())
    for name in names:
        if name in submodules and name:
            continue
        close = nearest(name, [path for path in submodules if path])
        known = ", ".join(path for path in submodules if path and "." not in path)
        expected = f"`{close}`" if close else f"one of {known}, or a module inside one"
        message = f"the {type(network).__name__} has no submodule `{name}` to train"
        raise RecipeError(Problem("no-such-module", message, expected=expected))
    chosen = {weight for name in names for weight in submodules[name].parameters()}
    return [weight for weight in network.parameters() if weight in chosen]
