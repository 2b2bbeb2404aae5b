"""Checkpoints of the official StackGAN code as weights for recipes, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from attnforge.errors import Place, Problem, RunError

from .official_names import Kind, kind_of, names_of, official_names_of

COUNTER = "num_batches_tracked"
PREFIX = "module."
"""What DataParallel puts before every name."""
FILES: Mapping[Kind, str] = {
    "stackgan-second": "generator",
    "stackgan-first": "first",
    "discriminator": "discriminator-{size}",
}
"""Names of the files that an import writes."""
MAX_LISTED_NAMES = 12
"""An error lists at most this many names of a kind."""
NOT_OFFICIAL = "a state dict of a StackGAN generator or discriminator, as torch.save wrote it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that was written."""

    path: Path
    summary: str
    """What it holds, in a few words."""


def import_files(paths: Sequence[Path], out: Path) -> list[Written]:
    """Write the weights of official files as .safetensors files that `pretrained` takes.

    Nothing is written if any file is refused.

    Raises:
        RunError: A file cannot be read, or its tensors are not exactly those of a StackGAN network, or two
            files would have one name, or a file exists already.
    """
    networks = {}
    for path in paths:
        kind, state = from_official(_read_official(path), source=path)
        name = FILES[kind].format(size=_image_size(state) if kind == "discriminator" else 0)
        if name in networks:
            message = f"{path} is a second `{name}`"
            raise RunError(Problem("export-exists", message, Place(str(path)), "one file of each network"))
        networks[name] = (kind, state)
    written = []
    for name, (kind, state) in networks.items():
        target = _new(out / f"{name}.safetensors")
        save_file(state, target)
        written.append(Written(path=target, summary=f"{_described(kind, state)}"))
    return written


def export_files(paths: Sequence[Path], out: Path) -> list[Written]:
    """Write .safetensors files of this plugin's networks under official names, as torch.save does.

    Raises:
        RunError: A file cannot be read, or has other tensors than one of StackGAN's networks, or a file
            exists already.
    """
    states = {path: to_official(_read_ours(path), source=path) for path in paths}
    written = []
    for path, (kind, state) in states.items():
        target = _new(out / f"{path.stem}.pth")
        torch.save(state, target)
        written.append(Written(path=target, summary=f"an official {_NAMES[kind]}"))
    return written


def from_official(state: Mapping[str, Tensor], *, source: Path) -> tuple[Kind, dict[str, Tensor]]:
    """An official state dict under our names; the prefix `module.` is stripped.

    Raises:
        RunError: Its tensors are not exactly those of a StackGAN network; they are listed.
    """
    if state and all(name.startswith(PREFIX) for name in state):
        state = {name.removeprefix(PREFIX): value for name, value in state.items()}
    kind = kind_of(state)
    if kind is None:
        raise _refused(source, f"its tensors are {_listed(sorted(state))}")
    names = names_of(kind, state)
    _refuse_differences(source, kind, present=state, expected=names)
    # old files do not have the counters of batch normalisation
    zero = torch.zeros((), dtype=torch.int64)
    return kind, {ours: state.get(name, zero).clone() for name, ours in names.items()}


def to_official(state: Mapping[str, Tensor], *, source: Path) -> tuple[Kind, dict[str, Tensor]]:
    """One of our state dicts under official names, in the official order.

    Raises:
        RunError: Its tensors are not exactly those of one of StackGAN's networks; they are listed.
    """
    named = official_names_of(state)
    if named is None:
        raise _refused(source, f"its tensors are {_listed(sorted(state))}")
    kind, names = named
    _refuse_differences(source, kind, present=state, expected=names)
    return kind, {official: state[ours] for ours, official in names.items()}


_NAMES: Mapping[Kind, str] = {
    "stackgan-first": "first stage",
    "stackgan-second": "second stage with its first",
    "discriminator": "discriminator",
}


def _described(kind: Kind, state: Mapping[str, Tensor]) -> str:
    """What a file holds, with the widths that a recipe needs."""
    if kind == "discriminator":
        unconditional = "with" if "unconditional_head.weight" in state else "without"
        channels = len(state["trunk.0.convolution.weight"])
        return f"discriminator of {channels} channels, {unconditional} an unconditional head"
    width = state["head.weight"].shape[1] * (4 if kind == "stackgan-second" else 2)
    dim, sentence = state["conditioner.linear.weight"].shape
    return f"{_NAMES[kind]} of {width} channels, a condition of {dim // 2}, sentences of {sentence}"


def _image_size(state: Mapping[str, Tensor]) -> int:
    """Side of a discriminator's images: its 4 x 4 features, doubled by every convolution that halves."""
    kernels = [
        value.shape[-1] for name, value in state.items() if name.startswith("trunk.") and value.dim() == 4
    ]
    return 4 << sum(side == 4 for side in kernels)


def _refuse_differences(
    source: Path, kind: Kind, *, present: Mapping[str, Any], expected: Mapping[str, str]
) -> None:
    unknown = sorted(present.keys() - expected.keys())
    missing = sorted(name for name in expected.keys() - present.keys() if not name.endswith(COUNTER))
    reasons = [f"unknown: {_listed(unknown)}"] if unknown else []
    reasons += [f"missing: {_listed(missing)}"] if missing else []
    if reasons:
        raise _refused(source, f"it has not exactly the tensors of a {_NAMES[kind]}; {'; '.join(reasons)}")


def _refused(source: Path, reason: str) -> RunError:
    message = f"{source} is not a file of StackGAN's networks: {reason}"
    return RunError(Problem("unknown-official-name", message, Place(str(source)), NOT_OFFICIAL))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MAX_LISTED_NAMES
    return ", ".join(names[:MAX_LISTED_NAMES]) + (f" and {more} more" if more > 0 else "")


def _read_official(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".t7":
        expected = "the arrays of a .t7 file, such as the sentences of char-CNN-RNN, exported as .npz"
        raise _unreadable(path, "it is a file of Lua's Torch, which is not read", expected)
    return _plain(path, lambda: torch.load(path, map_location="cpu", weights_only=True))


def _read_ours(path: Path) -> dict[str, Tensor]:
    return _plain(path, lambda: load_file(path))


def _plain(path: Path, read: Any) -> dict[str, Tensor]:
    if not path.is_file():
        raise RunError(Problem("missing-file", f"there is no file {path}", expected="a file of weights"))
    try:
        state = read()
    except Exception as error:
        # neither library specifies what it raises for a damaged file
        raise _unreadable(path, f"{type(error).__name__} while reading it", NOT_OFFICIAL) from error
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise _unreadable(path, "it has more than named tensors", NOT_OFFICIAL)
    return state


def _unreadable(path: Path, reason: str, expected: str) -> RunError:
    message = f"{path} cannot be read as weights: {reason}"
    return RunError(Problem("unreadable-weights", message, Place(str(path)), expected))


def _new(path: Path) -> Path:
    if path.exists():
        message = f"{path} exists already"
        raise RunError(Problem("export-exists", message, Place(str(path)), "a new folder"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{path.parent} cannot be made: {error.strerror}"
        raise RunError(
            Problem("export-not-written", message, expected="a folder that can be written")
        ) from error
    return path
