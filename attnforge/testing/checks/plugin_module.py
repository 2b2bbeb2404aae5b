"""What the module that declares components promises: listing them costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from attnforge.plugin.fresh import MAX_SECONDS, FreshImport, import_fresh
from attnforge.testing.expect import require
from attnforge.testing.subject import Subject


def plugin_module_imports_no_torch(subject: Subject) -> None:
    """The plugin's module declares its components without importing torch or another heavy package."""
    module = _module(subject)
    heavy = _imported(module).heavy
    require(not heavy, f"importing {module} also imports {', '.join(heavy)}")


def plugin_module_is_quick(subject: Subject) -> None:
    """The plugin's module declares its components within 50 ms beyond attnforge's own import."""
    module = _module(subject)
    took = _imported(module).seconds
    require(
        took <= MAX_SECONDS,
        f"importing {module} takes {1000 * took:.0f} ms; {1000 * MAX_SECONDS:.0f} are allowed",
    )


def _module(subject: Subject) -> str:
    return subject.plugins.owner(subject.component).module


def _imported(module: str) -> FreshImport:
    found = _once(module)
    require(found.error is None, f"{module} cannot be imported in a fresh interpreter: {found.error}")
    return found


@lru_cache(maxsize=256)
def _once(module: str) -> FreshImport:
    """All components of a module share what its import costs."""
    return import_fresh(module)


CHECKS: tuple[Callable[[Subject], None], ...] = (plugin_module_imports_no_torch, plugin_module_is_quick)
