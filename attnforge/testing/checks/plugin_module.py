"""What the module that declares components promises: importing it costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from attnforge.plugin.fresh import MAX_SECONDS, FreshImport, import_fresh
from attnforge.testing.expect import require
from attnforge.testing.subject import Subject


def plugin_module_imports_no_torch(subject: Subject) -> None:
    """The plugin's module does not import torch or another heavy package."""
    module = _module(subject)
    heavy = _imported(module).heavy
    require(not heavy, f"importing {module} also imports {', '.join(heavy)}")


def plugin_module_imports_quickly(subject: Subject) -> None:
    """The plugin's module is imported in at most 50 ms, not counting attnforge's own import."""
    module = _module(subject)
    seconds = _imported(module).seconds
    require(
        seconds <= MAX_SECONDS,
        f"importing {module} takes {1000 * seconds:.0f} ms; {1000 * MAX_SECONDS:.0f} are allowed",
    )


def _module(subject: Subject) -> str:
    return subject.plugins.owner(subject.component).module


def _imported(module: str) -> FreshImport:
    result = _import_once(module)
    require(result.error is None, f"{module} cannot be imported in a fresh interpreter: {result.error}")
    return result


@lru_cache(maxsize=256)
def _import_once(module: str) -> FreshImport:
    """Measure a module once, for all of its components."""
    return import_fresh(module)


CHECKS: tuple[Callable[[Subject], None], ...] = (
    plugin_module_imports_no_torch,
    plugin_module_imports_quickly,
)
