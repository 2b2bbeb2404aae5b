"""The module that declares a plugin: its version range, what its import costs, its hooks."""

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
        plugin: As it was loaded or disabled.
        source: Where it was found.
    """
    yield _range(plugin, source)
    found = import_fresh(plugin.module)
    of = plugin.module
    if found.error is not None:
        yield Outcome("is imported alone", of, "fail", found.error)
    else:
        yield Outcome("is imported alone", of, "pass")
        heavy = ", ".join(found.heavy)
        reason = f"it imports {heavy}; import it in the modules of components" if heavy else ""
        yield Outcome("imports no torch", of, "fail" if heavy else "pass", reason)
        slow = found.seconds > MAX_SECONDS
        reason = (
            f"it takes {found.seconds * 1000:.0f} ms; {MAX_SECONDS * 1000:.0f} are allowed" if slow else ""
        )
        yield Outcome("is quick", of, "fail" if slow else "pass", reason)
    yield Outcome("is loaded", plugin.name, "fail" if plugin.reason else "pass", plugin.reason or "")


def _range(plugin: Plugin, source: Source) -> Outcome:
    check, of = "version of attnforge", plugin.distribution
    if not isinstance(source, EntryPoint):
        return Outcome(check, of, "skip", "no package installed it, so it asks for none")
    if plugin.distribution == "attnforge":
        return Outcome(check, of, "pass")
    wanted = attnforge_range(source)
    if wanted is None:
        reason = "its package does not depend on attnforge; add attnforge>=... to its dependencies"
        return Outcome(check, of, "fail", reason)
    if not str(wanted):
        return Outcome(
            check, of, "fail", "it takes every version of attnforge; say which ones it was tried with"
        )
    return Outcome(check, of, "pass")
