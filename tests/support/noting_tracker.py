"""A tracker that writes down what it is told, for tests of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from attnforge.plugin import Component, hookimpl
from attnforge.specs import TrackerSpec


class Notebook:
    """Appends a line of JSON for each call.

    Args:
        path: The file.
        stubborn: Whether it refuses to be closed.
    """

    def __init__(self, spec: TrackerSpec, *, path: str, stubborn: bool = False) -> None:
        self.path = Path(path)
        self.stubborn = stubborn
        self.note("opened", run=spec.run, steps=_steps(spec.recipe))

    def scalars(self, values: Mapping[str, float], *, phase: str, step: int) -> None:
        self.note("scalars", phase=phase, step=step, values=dict(values))

    def images(self, paths: Sequence[str], *, phase: str, step: int) -> None:
        self.note("images", phase=phase, step=step, paths=list(paths))

    def close(self) -> None:
        self.note("closed")
        if self.stubborn:
            raise ConnectionError("the board is gone")

    def note(self, call: str, **details: Any) -> None:
        with self.path.open("a") as stream:
            stream.write(json.dumps({"call": call, **details}) + "\n")


def _steps(recipe: Mapping[str, Any]) -> int:
    return int(recipe["phases"]["gan"]["steps"])


def notebook_plugin() -> ModuleType:
    """A plugin that brings the tracker `notebook`."""
    module = ModuleType("notebook_plugin")

    @hookimpl
    def attnforge_components() -> list[Component]:
        return [Component("tracker", "notebook", "noting_tracker:Notebook", "writes down what it is told")]

    vars(module)["attnforge_components"] = attnforge_components
    return module
