"""Every promise, by kind of component."""

from __future__ import annotations

from attnforge.testing.check import Check, checks
from attnforge.testing.checks import attention, declaration, network, plugin_module, recipe

_GENERAL = (*declaration.CHECKS, *plugin_module.CHECKS)
_OWN = {"attention": attention.CHECKS}


def checks_of(kind: str) -> tuple[Check, ...]:
    """The checks of a kind of component, in the order in which they run.

    Args:
        kind: One of `attnforge.plugin.KINDS`.
    """
    functions = list(_GENERAL)
    if kind != "kernel":  # no slot of a recipe holds a kernel
        functions += recipe.CHECKS
    if kind in network.KINDS:
        functions += network.CHECKS
    return checks([*functions, *_OWN.get(kind, ())])


__all__ = ["Check", "checks_of"]
