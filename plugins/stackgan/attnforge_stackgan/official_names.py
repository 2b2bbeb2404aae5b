"""The names of tensors in checkpoints of the official StackGAN code, and ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

Kind = Literal["stackgan-first", "stackgan-second", "discriminator"]
"""What an official file holds: one of two generators, of which the second contains the first, or a
discriminator."""

WEIGHT = ("weight",)
AFFINE = ("weight", "bias")
NORMALISATION = (*AFFINE, "running_mean", "running_var", "num_batches_tracked")
UPS = range(4)


def kind_of(names: Iterable[str]) -> Kind | None:
    """What a file with tensors of these official names holds; None for other files."""
    marks: dict[str, Kind] = {
        "STAGE1_G.fc.0.weight": "stackgan-second",
        "fc.0.weight": "stackgan-first",
        "encode_img.0.weight": "discriminator",
    }
    present = frozenset(names)
    return next((kind for mark, kind in marks.items() if mark in present), None)


def names_of(kind: Kind, official: Iterable[str]) -> Mapping[str, str]:
    """Our name of every tensor, by its official name.

    Args:
        kind: What the file holds.
        official: The names in the file, which show how many blocks there are.
    """
    present = frozenset(official)
    if kind == "stackgan-first":
        return tensors_of(_first())
    if kind == "stackgan-second":
        blocks = sum(f"residual.{index}.block.0.weight" in present for index in range(len(present)))
        inner = {f"STAGE1_G.{name}": f"first.{ours}" for name, ours in tensors_of(_first()).items()}
        return inner | tensors_of(_second(blocks))
    convolutions = sum(f"encode_img.{_place(index)}.weight" in present for index in range(len(present)))
    return tensors_of(
        _discriminator(convolutions, unconditional="get_uncond_logits.outlogits.0.weight" in present)
    )


def official_names_of(ours: Iterable[str]) -> tuple[Kind, Mapping[str, str]] | None:
    """What a network with these tensors of ours is, and their official names; None for other networks."""
    present = frozenset(ours)
    if "trunk.0.convolution.weight" in present:
        count = sum(name.startswith("trunk.") and name.endswith(".convolution.weight") for name in present)
        heads = _discriminator(count, unconditional="unconditional_head.weight" in present)
        return "discriminator", _inverted(tensors_of(heads))
    if "encode.0.weight" in present:
        blocks = sum(name.startswith("residual.") and name.endswith(".second.weight") for name in present)
        official = [f"residual.{index}.block.0.weight" for index in range(blocks)]
        return "stackgan-second", _inverted(names_of("stackgan-second", official))
    return ("stackgan-first", _inverted(tensors_of(_first()))) if "linear.weight" in present else None


def _inverted(names: Mapping[str, str]) -> dict[str, str]:
    return {ours: official for official, ours in names.items()}


Modules = Mapping[str, tuple[str, tuple[str, ...]]]
"""Official modules, with our names of them and the tensors that they have."""


def tensors_of(modules: Modules) -> dict[str, str]:
    """Our name of every tensor of these modules, by its official name."""
    return {
        f"{official}.{leaf}": f"{ours}.{leaf}"
        for official, (ours, leaves) in modules.items()
        for leaf in leaves
    }


def block_of(convolution: str, normalisation: str, ours: str) -> Modules:
    """A convolution and the normalisation behind it, which are one block here."""
    return {
        convolution: (f"{ours}.convolution", WEIGHT),
        normalisation: (f"{ours}.normalisation", NORMALISATION),
    }


def _ups() -> Modules:
    modules: dict[str, tuple[str, tuple[str, ...]]] = {}
    for index in UPS:
        modules |= block_of(f"upsample{index + 1}.1", f"upsample{index + 1}.2", f"up.{index}")
    return modules | {"img.0": ("head", WEIGHT)}


def _first() -> Modules:
    return {
        "ca_net.fc": ("conditioner.linear", AFFINE),
        "fc.0": ("linear", WEIGHT),
        "fc.1": ("normalisation", NORMALISATION),
        **_ups(),
    }


def _second(blocks: int) -> Modules:
    modules: dict[str, tuple[str, tuple[str, ...]]] = {
        "ca_net.fc": ("conditioner.linear", AFFINE),
        "encoder.0": ("encode.0", WEIGHT),
        **block_of("encoder.2", "encoder.3", "encode.2"),
        **block_of("encoder.5", "encoder.6", "encode.3"),
        **block_of("hr_joint.0", "hr_joint.1", "joint"),
    }
    for index in range(blocks):
        block = f"residual.{index}.block"
        modules |= block_of(f"{block}.0", f"{block}.1", f"residual.{index}.first")
        modules[f"{block}.3"] = (f"residual.{index}.second", WEIGHT)
        modules[f"{block}.4"] = (f"residual.{index}.normalisation", NORMALISATION)
    return {**modules, **_ups()}


def _place(index: int) -> int:
    """Where the convolutions of a discriminator stand: the first has no normalisation behind it."""
    return max(0, 3 * index - 1)


def _discriminator(convolutions: int, *, unconditional: bool) -> Modules:
    modules: dict[str, tuple[str, tuple[str, ...]]] = {"encode_img.0": ("trunk.0.convolution", WEIGHT)}
    for index in range(1, convolutions):
        place = _place(index)
        modules |= block_of(f"encode_img.{place}", f"encode_img.{place + 1}", f"trunk.{index}")
    head = "get_cond_logits.outlogits"
    modules |= {**block_of(f"{head}.0", f"{head}.1", "joint"), f"{head}.3": ("conditional_head", AFFINE)}
    if unconditional:
        modules["get_uncond_logits.outlogits.0"] = ("unconditional_head", AFFINE)
    return modules
