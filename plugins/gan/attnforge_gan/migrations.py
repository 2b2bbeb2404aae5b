"""Migrations of the common parts: renamed weights, and options that became sections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attnforge.plugin import Migration


def _renamed(**modules: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function that renames the first part of the names of weights, given as old=new."""

    def rename(state: dict[str, Any]) -> dict[str, Any]:
        split = {name: name.partition(".") for name in state}
        return {
            f"{modules.get(module, module)}{dot}{rest}": state[name]
            for name, (module, dot, rest) in split.items()
        }

    return rename


def _with_sections(options: dict[str, Any]) -> Mapping[str, Any]:
    """Version 1 had `average` and `average_buffers`, `decay_from` and `decay_to` side by side."""
    sections = dict(options)
    average: dict[str, Any] | None = {}
    if "average" in sections:
        decay = sections.pop("average")
        average = {"decay": decay} if decay else None
    buffers = sections.pop("average_buffers", None)
    if average is None:
        sections["average"] = None
    elif average or buffers is not None:
        sections["average"] = {**average, **({} if buffers is None else {"buffers": buffers})}
    schedule = {name: sections.pop(name) for name in ("decay_from", "decay_to") if name in sections}
    return {**sections, "schedule": schedule} if schedule else sections


JOINT = (Migration(to=2, state=_renamed(conditional="conditional_head", unconditional="unconditional_head")),)
PROJECTION = (Migration(to=2, state=_renamed(unconditional="unconditional_head")),)
GAN = (Migration(to=2, options=_with_sections),)
