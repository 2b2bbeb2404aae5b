"""Loads the weights of a network from a file that others wrote."""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeGuard
from zipfile import BadZipFile, ZipFile

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.storage.misfits import listed, misfit


def load_weights(network: nn.Module, path: str, *, ignore: Collection[str] = ()) -> None:
    """Load a state dict from a `.safetensors` file or one that `torch.save` wrote.

    Only tensors are read from the file, never code. Keys with a prefix of `ignore` may be in the file without
    being in the network; a missing `num_batches_tracked` is accepted, because old files do not have it.
    Wrappers that training code puts around a state dict, and the prefix `module.`, are stripped.

    Raises:
        RecipeError: The file cannot be read, or it has the weights of another network.
    """
    state = read_state(path, inside=("model", "state_dict"))
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    own = network.state_dict()
    kept = {key: value for key, value in state.items() if key in own or not key.startswith(tuple(ignore))}
    differences = misfit(
        unexpected=sorted(kept.keys() - own.keys()),
        missing=sorted(key for key in own.keys() - kept.keys() if not key.endswith("num_batches_tracked")),
        reshaped=[
            (key, kept[key], own[key])
            for key in sorted(own.keys() & kept.keys())
            if own[key].shape != kept[key].shape
        ],
    )
    if differences:
        message = f"{path} has the weights of another network: {differences}"
        raise RecipeError(
            Problem("other-weights", message, expected=f"a state dict of {type(network).__name__}")
        )
    network.load_state_dict(kept, strict=False)


def read_state(path: str, *, inside: Sequence[str] = ()) -> dict[str, Tensor]:
    """The tensors of a state dict on disk, by name; only tensors are read from the file, never code.

    Args:
        path: A `.safetensors` file, or one that `torch.save` wrote in any of its formats.
        inside: Keys to descend into, in order of preference, when the file has a map of several things.

    Raises:
        RecipeError: The file cannot be read, or has more than tensors.
    """
    state = _load(path)
    while isinstance(state, dict) and not _plain(state):
        entry = next((name for name in inside if isinstance(state.get(name), dict)), None)
        if entry is None:
            break
        state = state[entry]
    if not isinstance(state, dict) or not _plain(state):
        message = f"{path} has no plain state dict"
        if isinstance(state, dict) and state:
            message += f", but {listed([str(name) for name in state])}"
        expected = "a map from names to tensors" + (f", or one under {', '.join(inside)}" if inside else "")
        raise RecipeError(Problem("unreadable-weights", message, expected=expected))
    return state


def _load(path: str) -> object:
    file = Path(path)
    if file.exists() and not file.is_file() and not file.is_dir():
        message = f"{path} is a device or a pipe"
        raise RecipeError(Problem("unreadable-weights", message, expected="a .pth or .safetensors file"))
    try:
        if file.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        problem = Problem("no-weights", f"there is no file {path}", expected="a .pth or .safetensors file")
        raise RecipeError(problem) from None
    except Exception as error:
        # torch does not specify what it raises for a damaged file
        raise RecipeError(_unreadable(file, error)) from error


def _unreadable(path: Path, error: Exception) -> Problem:
    """The problem of a file without weights, by the kind of file that it is."""
    code = "unreadable-weights"
    if path.is_dir():
        return Problem(code, f"{path} is a folder", expected="a .pth or .safetensors file in it")
    if _is_other_zip(path):
        message = f"{path} is a zip archive, but torch.save did not write it"
        return Problem(code, message, expected="a .pth file of it", next_step=f"unzip {path}")
    if _first_bytes(path).lstrip()[:1] == b"<":
        message = f"{path} is a web page"
        return Problem(code, message, expected="the weights file itself: download it again")
    if type(error).__name__ == "UnpicklingError":
        message = f"{path} has more than tensors, or is not a weights file"
        return Problem(code, message, expected="a plain state dict")
    message = f"{path} cannot be read as weights: {type(error).__name__}"
    return Problem(code, message, expected="a complete file: download or copy it again")


def _plain(state: dict[object, object]) -> TypeGuard[dict[str, Tensor]]:
    return all(isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items())


def _is_other_zip(path: Path) -> bool:
    """Whether it is a whole zip archive that torch did not write."""
    try:
        with ZipFile(path) as archive:
            return not any(name.endswith("data.pkl") for name in archive.namelist())
    except (OSError, ValueError, LookupError, NotImplementedError, struct.error, BadZipFile):
        return False


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as opened:
            return opened.read(64)
    except OSError:
        return b""
