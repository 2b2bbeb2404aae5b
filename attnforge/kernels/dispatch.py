"""Selects the kernel of an operation: the first that can run, or the one that was named.

An operation lists its kernels, the fastest first. Each can refuse a situation or ask to be avoided in it,
with a reason. `auto` selects the first kernel that does neither; a name selects that kernel or fails with its
reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
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
"""The environment variable that names a kernel wherever `auto` would select one.

`cpu` names it for every operation; `word-attention=cpu,region-matching=reference` for these operations only.
"""

_portable: ContextVar[bool] = ContextVar("portable", default=False)


def never_avoid(situation: Situation) -> None:
    """For a kernel that `auto` never skips if it can run."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kernel of an operation, with its name in recipes."""

    name: str
    summary: str
    """One line for `attnforge kernels`."""
    refuse: Callable[[Situation], str | None]
    """Why it cannot run in a situation, or None; see `attnforge.interfaces.Kernel`."""
    run: Callable[..., Any]
    """Takes the arguments of the operation's public function, without `kernel`."""
    avoid: Callable[[Situation], str | None] = never_avoid
    """Why `auto` should skip it although it can run, because a later one is faster; or None."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation with its kernels; the OPERATION of its package."""

    name: str
    """Prefix of errors and of the names of plugins' kernels, such as `word-attention`."""
    summary: str
    """One line for `attnforge kernels`."""
    kernels: tuple[Candidate, ...]
    """The fastest first; the last one runs anywhere and is never avoided."""
    sizes: Mapping[str, int]
    """A typical size of every axis, by the letters of the operation's shapes."""


def choose(
    operation: str, candidates: Sequence[Candidate], situation: Situation, *, kernel: str = AUTO
) -> Candidate:
    """Select the kernel to run.

    Args:
        operation: The operation's name, such as `word-attention`.
        candidates: Its kernels, the fastest first; the last one runs anywhere and is never avoided.
        situation: The inputs and options of the call.
        kernel: The name of a kernel, or `auto`, which the environment variable ATTNFORGE_KERNEL overrides.

    Raises:
        AttnforgeError: there is no kernel of that name, or it cannot run here.
    """
    if _portable.get():
        return candidates[-1]
    place = None
    if kernel == AUTO and (named := named_outside(operation)) != AUTO:
        kernel, place = named, Place(f"environment variable {VARIABLE}")
    if kernel == AUTO:
        able = [candidate for candidate in candidates if candidate.refuse(situation) is None]
        # An exported model is for all sizes, not just those of the example.
        exporting = torch.compiler.is_exporting()
        return next(candidate for candidate in able if exporting or candidate.avoid(situation) is None)
    candidate = find(operation, candidates, kernel, place=place)
    if reason := candidate.refuse(situation):
        message = f"kernel `{kernel}` cannot run {operation} here: {reason}"
        expected = f"`{AUTO}`, or a kernel that can run here"
        raise AttnforgeError(Problem("kernel-refused", message, place, expected, "attnforge kernels"))
    return candidate


@contextmanager
def portable() -> Iterator[None]:
    """While entered, this thread computes every operation by its definition in plain torch.

    An exported program then needs no operator of attnforge where it is run.
    """
    token = _portable.set(True)
    try:
        yield
    finally:
        _portable.reset(token)


def named_outside(operation: str) -> str:
    """The kernel that the environment variable names for an operation, or `auto`."""
    named = AUTO
    for entry in os.environ.get(VARIABLE, "").split(","):
        target, separator, name = entry.strip().rpartition("=")
        if name and (not separator or target == operation):
            named = name
    return named


def find(
    operation: str, candidates: Sequence[Candidate], name: str, *, place: Place | None = None
) -> Candidate:
    """The kernel of that name, built in or from a plugin.

    Raises:
        AttnforgeError: there is no such kernel.
    """
    known = {candidate.name: candidate for candidate in candidates}
    if name not in known:
        known |= offered(operation)
    if name not in known:
        close = nearest(name, [AUTO, *known])
        others = ", ".join(f"`{other}`" for other in (AUTO, *known) if other != close)
        expected = f"`{close}`, or one of {others}" if close else f"one of {others}"
        message = f"{operation} has no kernel `{name}`"
        raise AttnforgeError(Problem("unknown-kernel", message, place, expected, "attnforge kernels"))
    return known[name]


def offered(operation: str) -> dict[str, Candidate]:
    """The kernels that plugins provide for an operation, by their name in recipes."""
    from attnforge.plugin import load_plugins  # loaded only for names that are not built in
    from attnforge.plugin.selection import ADDED, BLOCKED

    return dict(_offered(operation, load_plugins, os.environ.get(ADDED), os.environ.get(BLOCKED)))


@lru_cache(maxsize=32)
def _offered(
    operation: str, load: Callable[[], "PluginCatalogue"], added: str | None, blocked: str | None
) -> Mapping[str, Candidate]:
    """Cached because a named kernel is looked up at every call, as long as the same plugins are selected."""
    registry = load().registry
    kernels = {}
    for component in registry:
        name = component.name.removeprefix(f"{operation}-")
        if component.kind == "kernel" and name != component.name:
            kernel = registry.load(component)()
            kernels[name] = Candidate(name, component.summary, kernel.refuse, kernel.run)
    return kernels
