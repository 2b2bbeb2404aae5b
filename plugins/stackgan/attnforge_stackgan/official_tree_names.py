"""The names of tensors in checkpoints of the official StackGAN-v2 code, and ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import torch
from torch import Tensor

from .official_names import AFFINE, NORMALISATION, UPS, WEIGHT, Modules, block_of, tensors_of

TreeKind = Literal["generator", "discriminator"]
"""What an official file holds."""

JOINT = "jointConv.0.weight"
"""The discriminator's convolution of condition and features."""
TRUNKS: Mapping[int, tuple[str, ...]] = {4: (), 6: ("s32", "s32_1"), 8: ("s32", "s64", "s64_1", "s64_2")}
"""The official blocks behind the first four convolutions, by the number of convolutions."""


def kind_of(names: Iterable[str]) -> TreeKind | None:
    """What a file with tensors of these official names holds; None for other files."""
    present = frozenset(names)
    if "h_net1.fc.0.weight" in present:
        return "generator"
    return "discriminator" if "img_code_s16.0.weight" in present else None


def names_of(kind: TreeKind, official: Iterable[str]) -> Mapping[str, str]:
    """Our name of every tensor, by its official name.

    Args:
        kind: What the file holds.
        official: The names in the file, which show how many blocks there are.
    """
    present = frozenset(official)
    if kind == "generator":
        later = [stage for stage in range(2, 8) if f"h_net{stage}.jointConv.0.weight" in present]
        blocks = sum(f"h_net2.residual.{index}.block.0.weight" in present for index in range(len(present)))
        return tensors_of(_generator(later, blocks, conditional="ca_net.fc.weight" in present))
    marks = {6: "img_code_s32_1.0.weight", 8: "img_code_s64.0.weight"}
    count = next((count for count, mark in marks.items() if mark in present), min(TRUNKS))
    conditional = "jointConv.0.weight" in present
    unconditional = "uncond_logits.0.weight" in present or not conditional
    return tensors_of(_discriminator(count, conditional=conditional, unconditional=unconditional))


def official_names_of(ours: Iterable[str]) -> tuple[TreeKind, Mapping[str, str]] | None:
    """What a network with these tensors of ours is, and their official names; None for other networks."""
    present = frozenset(ours)
    if "stages.0.linear.weight" in present:
        later = [stage for stage in range(2, 8) if f"stages.{stage - 1}.joint.convolution.weight" in present]
        blocks = sum(f"stages.1.residual.{index}.second.weight" in present for index in range(len(present)))
        modules = _generator(later, blocks, conditional="conditioner.linear.weight" in present)
        return "generator", {own: official for official, own in tensors_of(modules).items()}
    count = sum(name.startswith("trunk.") and name.endswith(".convolution.weight") for name in present)
    if count not in TRUNKS:
        return None
    heads = {kind: f"{kind}_head.weight" in present for kind in ("conditional", "unconditional")}
    modules = _discriminator(count, **heads)
    return "discriminator", {own: official for official, own in tensors_of(modules).items()}


def features_first(name: str, value: Tensor) -> Tensor:
    """A tensor as ours: the official discriminator puts the condition before the features, ours behind them.

    Args:
        name: The official name; all others stay as they are.
        value: The official tensor.
    """
    return _rolled(value, value.shape[1] - value.shape[0]) if name == JOINT else value


def condition_first(name: str, value: Tensor) -> Tensor:
    """The reverse of `features_first`: our tensor of this official name, as the official code has it."""
    return _rolled(value, value.shape[0]) if name == JOINT else value


def _rolled(value: Tensor, count: int) -> Tensor:
    """The weight of a convolution whose first `count` input channels are moved behind the others."""
    return torch.cat((value[:, count:], value[:, :count]), dim=1)


def _generator(later: Iterable[int], blocks: int, *, conditional: bool) -> Modules:
    modules: dict[str, tuple[str, tuple[str, ...]]] = {}
    if conditional:
        modules["ca_net.fc"] = ("conditioner.linear", AFFINE)
    modules["h_net1.fc.0"] = ("stages.0.linear", WEIGHT)
    modules["h_net1.fc.1"] = ("stages.0.normalisation", NORMALISATION)
    for index in UPS:
        up = f"h_net1.upsample{index + 1}"
        modules |= block_of(f"{up}.1", f"{up}.2", f"stages.0.up.{index}")
    modules["img_net1.img.0"] = ("heads.0.convolution", WEIGHT)
    for stage in later:
        theirs, ours = f"h_net{stage}", f"stages.{stage - 1}"
        modules |= block_of(f"{theirs}.jointConv.0", f"{theirs}.jointConv.1", f"{ours}.joint")
        for index in range(blocks):
            block, own = f"{theirs}.residual.{index}.block", f"{ours}.residual.{index}"
            modules |= block_of(f"{block}.0", f"{block}.1", f"{own}.first")
            modules[f"{block}.3"] = (f"{own}.second", WEIGHT)
            modules[f"{block}.4"] = (f"{own}.normalisation", NORMALISATION)
        modules |= block_of(f"{theirs}.upsample.1", f"{theirs}.upsample.2", f"{ours}.up")
        modules[f"img_net{stage}.img.0"] = (f"heads.{stage - 1}.convolution", WEIGHT)
    return modules


def _discriminator(count: int, *, conditional: bool, unconditional: bool) -> Modules:
    modules: dict[str, tuple[str, tuple[str, ...]]] = {"img_code_s16.0": ("trunk.0.convolution", WEIGHT)}
    for index in range(1, 4):
        place = 3 * index - 1
        modules |= block_of(f"img_code_s16.{place}", f"img_code_s16.{place + 1}", f"trunk.{index}")
    for index, name in enumerate(TRUNKS[count], start=4):
        modules |= block_of(f"img_code_{name}.0", f"img_code_{name}.1", f"trunk.{index}")
    if not conditional:
        return {**modules, "logits.0": ("unconditional_head", AFFINE)}
    modules["logits.0"] = ("conditional_head", AFFINE)
    modules |= block_of("jointConv.0", "jointConv.1", "joint")
    if unconditional:
        modules["uncond_logits.0"] = ("unconditional_head", AFFINE)
    return modules
