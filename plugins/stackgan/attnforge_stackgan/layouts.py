"""The official checkpoints of StackGAN and of StackGAN-v2: which tensors they have, and what they become."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from . import official_names, official_tree_names

State = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a family's official files relate to our networks."""

    family: str
    """Its name in messages."""
    kind_of: Callable[[Iterable[str]], Any]
    """What a file with these official names holds, or None."""
    names_of: Callable[[Any, Iterable[str]], Mapping[str, str]]
    """Our name of every tensor, by its official name."""
    official_names_of: Callable[[Iterable[str]], tuple[Any, Mapping[str, str]] | None]
    """The kind of one of our networks and the official names of its tensors, or None."""
    prefix: str
    """What stands before every official name in the family's files."""
    to_ours: Callable[[str, Tensor], Tensor]
    """An official tensor, by its official name, as ours."""
    to_official: Callable[[str, Tensor], Tensor]
    """The reverse."""
    file_name: Callable[[Any, State], str]
    """The name of the file for a network of ours."""
    described: Callable[[Any, State], str]
    """What a network of ours is, with the widths that a recipe needs."""


def image_size(state: State) -> int:
    """Side of a discriminator's images: its 4 x 4 features, doubled by every convolution that halves."""
    kernels = [
        value.shape[-1] for name, value in state.items() if name.startswith("trunk.") and value.dim() == 4
    ]
    return 4 << sum(side == 4 for side in kernels)


def _unchanged(name: str, value: Tensor) -> Tensor:
    return value


def _discriminator(state: State) -> str:
    heads = [kind for kind in ("conditional", "unconditional") if f"{kind}_head.weight" in state]
    channels = len(state["trunk.0.convolution.weight"])
    return f"discriminator of {channels} channels with heads: {', '.join(heads)}"


def _file(kind: Any, state: State) -> str:
    if kind == "discriminator":
        return f"discriminator-{image_size(state)}"
    return "first" if kind == "stackgan-first" else "generator"


def _described(kind: official_names.Kind, state: State) -> str:
    if kind == "discriminator":
        return _discriminator(state)
    second = kind == "stackgan-second"
    width = state["head.weight"].shape[1] * (4 if second else 2)
    dim, sentence = state["conditioner.linear.weight"].shape
    what = "second stage with its first" if second else "first stage"
    return f"{what} of {width} channels, a condition of {dim // 2}, sentences of {sentence}"


def _tree_described(kind: official_tree_names.TreeKind, state: State) -> str:
    if kind == "discriminator":
        return _discriminator(state)
    heads = sorted(name for name in state if name.startswith("heads."))
    widths = ", ".join(str(state[name].shape[1]) for name in heads)
    if "conditioner.linear.weight" not in state:
        return f"generator of [{widths}] channels without captions"
    dim, sentence = state["conditioner.linear.weight"].shape
    return f"generator of [{widths}] channels, a condition of {dim // 4}, sentences of {sentence}"


STACKGAN = Layout(
    family="StackGAN",
    prefix="",
    kind_of=official_names.kind_of,
    names_of=official_names.names_of,
    official_names_of=official_names.official_names_of,
    to_ours=_unchanged,
    to_official=_unchanged,
    file_name=_file,
    described=_described,
)
STACKGAN_V2 = Layout(
    family="StackGAN-v2",
    prefix="module.",
    kind_of=official_tree_names.kind_of,
    names_of=official_tree_names.names_of,
    official_names_of=official_tree_names.official_names_of,
    to_ours=official_tree_names.features_first,
    to_official=official_tree_names.condition_first,
    file_name=_file,
    described=_tree_described,
)
