"""Infers the recipe that an official file needs from the shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor


def recipe_of(state: Mapping[str, Tensor], kind: str) -> str | None:
    """The options of a recipe that an official file fits, as text; None when its shapes do not show them.

    Args:
        state: The official names with their tensors.
        kind: `generator`, `discriminator`, `text encoder` or `image encoder`.
    """
    options = {
        "generator": _generator,
        "discriminator": _discriminator,
        "text encoder": _text,
        "image encoder": _image,
    }
    try:
        inferred = options[kind](state)
    except (KeyError, IndexError, StopIteration):
        return None
    return ", ".join(
        f"{name}={value}" if "." in name else f"{value} {name}" for name, value in inferred.items()
    )


def _generator(state: Mapping[str, Tensor]) -> dict[str, object]:
    stages = {int(match[1]) for name in state if (match := re.match(r"h_net(\d+)\.", name))}
    blocks = {int(match[1]) for name in state if (match := re.match(r"h_net2\.residual\.(\d+)\.", name))}
    condition = len(state["ca_net.fc.weight"]) // 4
    return {
        "text.dim": state["ca_net.fc.weight"].shape[1],
        "generator.channels": state["h_net1.fc.0.weight"].shape[0] // 512,
        "generator.noise": state["h_net1.fc.0.weight"].shape[1] - condition,
        "generator.conditioner.dim": condition,
        "generator.images": "last-stage" if "img_net.img.0.weight" in state else "every-stage",
        "stages": len(stages),
        "residual_blocks in each": len(blocks),
    }


def _discriminator(state: Mapping[str, Tensor]) -> dict[str, object]:
    channels = len(state["img_code_s16.0.weight"])
    downs = {"img_code_s64.0.weight": 256, "img_code_s32.0.weight": 128}
    return {
        "discriminator.channels": channels,
        "text.dim": state["COND_DNET.jointConv.0.weight"].shape[1] - 8 * channels,
        "pixels a side": next((size for name, size in downs.items() if name in state), 64),
    }


def _text(state: Mapping[str, Tensor]) -> dict[str, object]:
    hidden = state["rnn.weight_hh_l0"].shape[1]
    gates = len(state["rnn.weight_hh_l0"]) // hidden
    return {
        "text.use": {4: "bilstm", 3: "bigru"}[gates],
        "text.dim": 2 * hidden,
        "text.embedding": state["encoder.weight"].shape[1],
    }


def _image(state: Mapping[str, Tensor]) -> dict[str, object]:
    return {"image.use": "inception-v3", "text.dim": len(state["emb_features.weight"])}
