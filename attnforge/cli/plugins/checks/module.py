"""Checks the module that declares a plugin: its version range and the cost of its import."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint

from attnforge.cli.plugins.checks.outcome import Outcome
from attnforge.plugin import Plugin
from attnforge.plugin.discovery import Source, attnforge_range
from attnforge.plugin.fresh import MAX_SECONDS, import_fresh


def module_checks(plugin: Plugin, source: Source) -> Iterator[Outcome]:
    """The checks of the declaring module.

    Args:
        plugin: The plugin, loaded or disabled.
        source: Where it comes from.
    """
    yield _range(plugin, source)
    result = import_fresh(plugin.module)
    of = plugin.module
    if result.error is not None:
        yield Outcome("can be imported alone", of, "fail", result.error)
    else:
        yield Outcome("can be imported alone", of, "pass")
        heavy = ", ".join(result.heavy)
        reason = f"it imports {heavy}; import it in the modules of components" if heavy else ""
        yield Outcome("does not import torch", of, "fail" if heavy else "pass", reason)
        slow = result.seconds > MAX_SECONDS
        reason = (
            f"it takes {result.seconds * 1000:.0f} ms; at most {MAX_SECONDS * 1000:.0f} ms are allowed"
            if slow
            else ""
        )
        yield Outcome("is fast", of, "fail" if slow else "pass", reason)
    yield Outcome("is loaded", plugin.name, "fail" if plugin.reason else "pass", plugin.reason or "")


def _range(plugin: Plugin, source: Source) -> Outcome:
    check, of = "version of attnforge", plugin.distribution
    if not isinstance(source, EntryPoint):
        return Outcome(check, of, "skip", "no package installed it, so it requires none")
    if plugin.distribution == "attnforge":
        return Outcome(check, of, "pass")
    versions = attnforge_range(source)
    if versions is None:
        reason = "its package does not depend on attnforge; add attnforge>=... to its dependencies"
        return Outcome(check, of, "fail", reason)
    if not str(versions):
        reason = "it accepts every version of attnforge; name the versions it was tested with"
        return Outcome(check, of, "fail", reason)
    return Outcome(check, of, "pass")
