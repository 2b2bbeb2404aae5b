"""attnforge composes, trains, samples and evaluates text-to-image GANs with word-level attention.

    model = attnforge.load("runs/birds")
    model("a red bird", n=8, seed=1)

Nothing is imported until it is used: torch takes seconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attnforge.api.comparing import compare
    from attnforge.api.components import component
    from attnforge.api.evaluating import evaluate
    from attnforge.api.model import load
    from attnforge.api.recipes import recipe
    from attnforge.api.training import train

__version__ = "0.2.0"
__all__ = ["compare", "component", "evaluate", "load", "recipe", "train"]

_PLACES = {
    "compare": "attnforge.api.comparing",
    "component": "attnforge.api.components",
    "load": "attnforge.api.model",
    # These packages are called as functions; see `attnforge.called`.
    "evaluate": "attnforge",
    "recipe": "attnforge",
    "train": "attnforge",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'attnforge' has no attribute {name!r}")
    if _PLACES[name] == "attnforge":
        return import_module(f"attnforge.{name}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
