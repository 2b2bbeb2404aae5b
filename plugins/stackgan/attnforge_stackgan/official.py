"""Checkpoints of the official StackGAN and StackGAN-v2 code as weights for recipes, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from attnforge.errors import Place, Problem, RunError

from .layouts import Layout

COUNTER = "num_batches_tracked"
PREFIX = "module."
"""What DataParallel puts before every name."""
MAX_LISTED_NAMES = 12
"""An error lists at most this many names of a kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that was written."""

    path: Path
    summary: str
    """What it holds, in a few words."""


def import_files(paths: Sequence[Path], out: Path, *, layout: Layout) -> list[Written]:
    """Write the weights of official files as .safetensors files that `pretrained` takes.

    Nothing is written if any file is refused.

    Raises:
        RunError: A file cannot be read, or its tensors are not exactly those of a network of the family, or
            two files would have one name, or a file exists already.
    """
    networks: dict[str, tuple[Any, dict[str, Tensor]]] = {}
    for path in paths:
        kind, state = from_official(_read_official(path, layout), source=path, layout=layout)
        name = layout.file_name(kind, state)
        if name in networks:
            message = f"{path} is a second `{name}`"
            raise RunError(Problem("export-exists", message, Place(str(path)), "one file of each network"))
        networks[name] = (kind, state)
    targets = {name: _new(out / f"{name}.safetensors") for name in networks}
    written = []
    for name, (kind, state) in networks.items():
        save_file(state, targets[name])
        written.append(Written(path=targets[name], summary=layout.described(kind, state)))
    return written


def export_files(paths: Sequence[Path], out: Path, *, layout: Layout) -> list[Written]:
    """Write .safetensors files of our networks under official names, as torch.save does.

    Raises:
        RunError: A file cannot be read, or has other tensors than a network of the family, or a file exists
            already.
    """
    states = {path: to_official(_read_ours(path, layout), source=path, layout=layout) for path in paths}
    targets = {path: _new(out / f"{path.stem}.pth") for path in paths}
    for path, state in states.items():
        torch.save(state, targets[path])
    return [Written(path=target, summary=f"official {layout.family}") for target in targets.values()]


def from_official(
    state: Mapping[str, Tensor], *, source: Path, layout: Layout
) -> tuple[Any, dict[str, Tensor]]:
    """What an official state dict holds, and its tensors as ours; the prefix `module.` is stripped.

    Raises:
        RunError: Its tensors are not exactly those of a network of the family; they are listed.
    """
    if state and all(name.startswith(PREFIX) for name in state):
        state = {name.removeprefix(PREFIX): value for name, value in state.items()}
    kind = layout.kind_of(state)
    if kind is None:
        raise _refused(source, layout, f"its tensors are {_listed(sorted(state))}")
    names = layout.names_of(kind, state)
    _refuse_differences(source, layout, present=state, expected=names)
    # old files do not have the counters of batch normalisation
    zero = torch.zeros((), dtype=torch.int64)
    ours = {own: layout.to_ours(name, state.get(name, zero)) for name, own in names.items()}
    return kind, {name: value.clone().contiguous() for name, value in ours.items()}


def to_official(state: Mapping[str, Tensor], *, source: Path, layout: Layout) -> dict[str, Tensor]:
    """One of our state dicts under official names, in the official order.

    Raises:
        RunError: Its tensors are not exactly those of a network of the family; they are listed.
    """
    named = layout.official_names_of(state)
    if named is None:
        raise _refused(source, layout, f"its tensors are {_listed(sorted(state))}")
    _, names = named
    _refuse_differences(source, layout, present=state, expected=names)
    return {
        f"{layout.prefix}{name}": layout.to_official(name, state[own]).contiguous()
        for own, name in names.items()
    }


def _refuse_differences(
    source: Path, layout: Layout, *, present: Mapping[str, Any], expected: Mapping[str, str]
) -> None:
    unknown = sorted(present.keys() - expected.keys())
    missing = sorted(name for name in expected.keys() - present.keys() if not name.endswith(COUNTER))
    reasons = [f"unknown: {_listed(unknown)}"] if unknown else []
    reasons += [f"missing: {_listed(missing)}"] if missing else []
    if reasons:
        raise _refused(source, layout, "; ".join(reasons))


def _refused(source: Path, layout: Layout, reason: str) -> RunError:
    message = f"{source} has not exactly the tensors of a network of {layout.family}: {reason}"
    return RunError(Problem("unknown-official-name", message, Place(str(source)), _expected(layout)))


def _expected(layout: Layout) -> str:
    return f"a state dict of a generator or discriminator of {layout.family}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MAX_LISTED_NAMES
    return ", ".join(names[:MAX_LISTED_NAMES]) + (f" and {more} more" if more > 0 else "")


def _read_official(path: Path, layout: Layout) -> dict[str, Tensor]:
    if path.suffix == ".t7":
        expected = "the arrays of a .t7 file, such as the sentences of char-CNN-RNN, exported as .npz"
        raise _unreadable(path, "it is a file of Lua's Torch, which is not read", expected)
    return _plain(path, layout, lambda: torch.load(path, map_location="cpu", weights_only=True))


def _read_ours(path: Path, layout: Layout) -> dict[str, Tensor]:
    return _plain(path, layout, lambda: load_file(path))


def _plain(path: Path, layout: Layout, read: Callable[[], Any]) -> dict[str, Tensor]:
    if not path.is_file():
        raise RunError(Problem("missing-file", f"there is no file {path}", expected=_expected(layout)))
    try:
        state = read()
    except Exception as error:
        # neither library specifies what it raises for a damaged file
        raise _unreadable(path, f"{type(error).__name__} while reading it", _expected(layout)) from error
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise _unreadable(path, "it has more than named tensors", _expected(layout))
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
