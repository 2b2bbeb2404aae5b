"""Reed's text encoder with official weights."""

from __future__ import annotations

import torch
from attnforge_reed.text import CharCnnRnn
from golden_vectors import weights
from torch import Tensor

from attnforge.specs import TextSpec

DEAD_HYPHEN = 37
"""The official index that no character has, counted from 1."""
SPEC = TextSpec(vocabulary_size=70)


def official_text_encoder(name: str) -> CharCnnRnn:
    """The encoder that computed a file of golden numbers."""
    state = weights("char_cnn_rnn_sje", name)
    encoder = CharCnnRnn(
        SPEC,
        dim=14,
        channels=(12, 16, 10),
        recurrence="gru" if "gru" in name else "rnn",
        sentence="last" if name.endswith("last") else "average",
        shorter="long" not in name,
    ).eval()
    encoder.load_state_dict(_renamed(state))
    return encoder


def parameters_by_official_name(encoder: CharCnnRnn, name: str) -> dict[str, Tensor]:
    """The gradient of every official parameter, in the official order."""
    gradients = {key: weight.grad for key, weight in encoder.named_parameters()}
    official: dict[str, Tensor] = {}
    for key in weights("char_cnn_rnn_sje", name):
        part, _, leaf = key.rpartition(".")
        if part.startswith("conv"):
            own = f"convolutions.{3 * int(part[-1]) - 3}.{leaf}"
            rows = slice(None)
        elif part == "out":
            own, rows = f"projection.{leaf}", slice(None)
        else:
            own, rows = _recurrent(part, leaf, gated="gru" in name)
        gradient = gradients[own]
        assert gradient is not None
        official[key] = gradient[rows]
    return official


def our_tokens(index: Tensor) -> Tensor:
    """Our ids of official indices: 0 for a blank or past the end, and no place for the first hyphen."""
    assert not bool((index == DEAD_HYPHEN).any())
    return torch.where(index > DEAD_HYPHEN, index - 1, index)


def _recurrent(part: str, leaf: str, *, gated: bool) -> tuple[str, slice]:
    """Name and rows of a recurrent layer's matrix here."""
    name = part.removeprefix("rnn.")
    if not gated:
        return f"recurrence.{ {'i2h': 'from_input', 'h2h': 'from_state'}[name] }.{leaf}", slice(None)
    source, _, gate = name.partition("_")
    place = {"update": 0, "reset": 1, "": 2}[gate]
    if source == "i2h":
        return f"recurrence.from_input.{leaf}", slice(10 * place, 10 * place + 10)
    if gate:
        return f"recurrence.gates_from_state.{leaf}", slice(10 * place, 10 * place + 10)
    return f"recurrence.candidate_from_state.{leaf}", slice(None)


def _renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """An official state dict in our names and layouts."""
    own: dict[str, Tensor] = {}
    for number in (1, 2, 3):
        weight = state[f"conv{number}.weight"]
        kernel = weight.reshape(len(weight), 4, -1).permute(0, 2, 1)  # column k * inputs + i
        if number == 1:
            dead = DEAD_HYPHEN - 1
            kernel = torch.cat((kernel[:, [dead]], kernel[:, :dead], kernel[:, dead + 1 :]), dim=1)
        own[f"convolutions.{3 * number - 3}.weight"] = kernel
        own[f"convolutions.{3 * number - 3}.bias"] = state[f"conv{number}.bias"]
    gated = "rnn.i2h_update.weight" in state
    for leaf in ("weight", "bias"):
        own[f"projection.{leaf}"] = state[f"out.{leaf}"]
        if gated:
            inputs = [state[f"rnn.i2h{gate}.{leaf}"] for gate in ("_update", "_reset", "")]
            states = [state[f"rnn.h2h{gate}.{leaf}"] for gate in ("_update", "_reset")]
            own[f"recurrence.from_input.{leaf}"] = torch.cat(inputs)
            own[f"recurrence.gates_from_state.{leaf}"] = torch.cat(states)
            own[f"recurrence.candidate_from_state.{leaf}"] = state[f"rnn.h2h.{leaf}"]
        else:
            own[f"recurrence.from_input.{leaf}"] = state[f"rnn.i2h.{leaf}"]
            own[f"recurrence.from_state.{leaf}"] = state[f"rnn.h2h.{leaf}"]
    return own
