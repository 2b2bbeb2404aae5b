"""Which kernel of an operation runs: the first that can, or the one that was named.

An operation lists its kernels, the fastest first. Each says of a situation why it cannot run there, or
nothing. `auto` takes the first that can run and has no reason to stand back; a name takes that kernel or
fails with its reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from attnforge.errors import AttnforgeError, Place, Problem, nearest
from attnforge.values import Situation

if TYPE_CHECKING:
    from attnforge.plugin import PluginCatalogue

AUTO = "auto"
VARIABLE = "ATTNFORGE_KERNEL"
"""The environment variable that names a kernel wherever `auto` would choose.

`cpu` names it for every operation; `word-attention=cpu,region-matching=reference` for those that are said.
"""


def always_welcome(situation: Situation) -> None:
    """For a kernel that `auto` never passes over where it can run."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kernel of an operation with what recipes call it."""

    name: str
    summary: str
    """One line for `attnforge kernels`."""
    refuse: Callable[[Situation], str | None]
    """Why it cannot run there, or None; see `attnforge.interfaces.Kernel`."""
    run: Callable[..., Any]
    """Takes what the operation's public function takes, without `kernel`."""
    avoid: Callable[[Situation], str | None] = always_welcome
    """Why `auto` passes it over there although it can run: a later one is faster. None: no reason."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation with its kernels; its package calls it OPERATION."""

    name: str
    """What errors and the names of plugins' kernels begin with, such as `word-attention`."""
    summary: str
    """One line for `attnforge kernels`."""
    kernels: tuple[Candidate, ...]
    """The fastest first; the last one runs anywhere and never stands back."""
    sizes: Mapping[str, int]
    """A usual size of every axis, by the letters of the operation's shapes."""


def choose(
    operation: str, candidates: Sequence[Candidate], situation: Situation, *, kernel: str = AUTO
) -> Candidate:
    """The kernel that runs.

    Args:
        operation: The operation's name, such as `word-attention`.
        candidates: Its kernels, the fastest first; the last one runs anywhere and never stands back.
        situation: What it is asked to do.
        kernel: The name of one, or `auto`, for which the environment variable ATTNFORGE_KERNEL may
            name one.

    Raises:
        AttnforgeError: no kernel has that name, or the one that has it cannot run here.
    """
    place = None
    if kernel == AUTO and (named := named_outside(operation)) != AUTO:
        kernel, place = named, Place(f"environment variable {VARIABLE}")
    if kernel == AUTO:
        able = [one for one in candidates if one.refuse(situation) is None]
        # An exported model is for all sizes, of which those of the example say nothing.
        exporting = torch.compiler.is_exporting()
        return next(one for one in able if exporting or one.avoid(situation) is None)
    one = find(operation, candidates, kernel, place=place)
    if reason := one.refuse(situation):
        message = f"kernel `{kernel}` cannot run {operation} here: {reason}"
        expected = f"`{AUTO}`, or a kernel that can run here"
        raise AttnforgeError(Problem("kernel-refused", message, place, expected, "attnforge kernels"))
    return one


def named_outside(operation: str) -> str:
    """What the environment variable names for an operation: a kernel, or `auto`."""
    named = AUTO
    for entry in os.environ.get(VARIABLE, "").split(","):
        about, separator, name = entry.strip().rpartition("=")
        if name and (not separator or about == operation):
            named = name
    return named


def find(
    operation: str, candidates: Sequence[Candidate], name: str, *, place: Place | None = None
) -> Candidate:
    """The kernel of that name, attnforge's own or a plugin's.

    Raises:
        AttnforgeError: there is none.
    """
    known = {one.name: one for one in candidates}
    if name not in known:
        known |= offered(operation)
    if name not in known:
        close = nearest(name, [AUTO, *known])
        others = ", ".join(f"`{one}`" for one in (AUTO, *known) if one != close)
        expected = f"`{close}`; known are also {others}" if close else f"one of {others}"
        message = f"{operation} has no kernel `{name}`"
        raise AttnforgeError(Problem("unknown-kernel", message, place, expected, "attnforge kernels"))
    return known[name]


def offered(operation: str) -> dict[str, Candidate]:
    """The kernels that plugins offer for an operation, by the name that recipes use."""
    from attnforge.plugin import load_plugins  # only a name that attnforge lacks pays for loading plugins
    from attnforge.plugin.selection import ADDED, BLOCKED

    return dict(_offered(operation, load_plugins, os.environ.get(ADDED), os.environ.get(BLOCKED)))


@lru_cache(maxsize=32)
def _offered(
    operation: str, load: Callable[[], "PluginCatalogue"], added: str | None, blocked: str | None
) -> Mapping[str, Candidate]:
    """A named kernel is looked up at every call, so what was found stands while plugins are chosen alike."""
    registry = load().registry
    found = {}
    for component in registry:
        name = component.name.removeprefix(f"{operation}-")
        if component.kind == "kernel" and name != component.name:
            kernel = registry.load(component)()
            found[name] = Candidate(name, component.summary, kernel.refuse, kernel.run)
    return found
