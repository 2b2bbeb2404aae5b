"""Reads the weights of an image network from a file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError


def load_weights(network: nn.Module, path: str, *, ignore: Collection[str] = ()) -> None:
    """Fill a network with a state dict from a `.safetensors` file or one that `torch.save` wrote.

    Only tensors are read from the file, never code. Keys that begin with one of `ignore` may be in the
    file without being in the network; missing counts of batches are let pass, because old files lack them.

    Raises:
        RecipeError: The file cannot be read, or it holds the weights of another network.
    """
    state = read_state(path)
    kept = {key: value for key, value in state.items() if not key.startswith(tuple(ignore))}
    own = network.state_dict()
    wrong = sorted(kept.keys() - own.keys())
    wrong += sorted(key for key in own.keys() - kept.keys() if not key.endswith("num_batches_tracked"))
    wrong += sorted(key for key in own.keys() & kept.keys() if own[key].shape != kept[key].shape)
    if wrong:
        message = (
            f"{path} holds the weights of another network: {len(wrong)} tensors differ, such as {wrong[0]}"
        )
        raise RecipeError(
            Problem("other-weights", message, expected=f"a state dict of {type(network).__name__}")
        )
    network.load_state_dict(kept, strict=False)


def read_state(path: str) -> dict[str, Tensor]:
    """The tensors of a state dict on disk, by name; only tensors are read from the file, never code.

    Raises:
        RecipeError: The file cannot be read, or holds more than tensors.
    """
    try:
        if Path(path).suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        problem = Problem("no-weights", f"there is no file {path}", expected="a .pth or .safetensors file")
        raise RecipeError(problem) from None
    except Exception as error:
        # What torch raises for a damaged file is not specified, and is all the file's doing.
        if type(error).__name__ == "UnpicklingError":
            message, expected = f"{path} holds more than tensors, or is no weights file", "a plain state dict"
        else:
            message, expected = f"{path} cannot be read as weights: {type(error).__name__}", "a whole file"
        raise RecipeError(Problem("unreadable-weights", message, expected=expected)) from error
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        message = f"{path} holds no plain state dict"
        raise RecipeError(Problem("unreadable-weights", message, expected="a map from names to tensors"))
    return state
