"""Calls hooks plugin by plugin, so that one that raises is reported by name and the others still run."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pluggy

from attnforge.plugin import hookspec
from attnforge.plugin.contained import streams_kept, torch_kept, waited_for
from attnforge.plugin.declared import PluginDisabledError, check_hooks, describe_error
from attnforge.plugin.tracing import traced, tracing
from attnforge.terminal import print_text

CONSEQUENCES = {
    "attnforge_check_recipe": "the recipe uses none of its components and was not checked by it",
    "attnforge_run_start": "the run continues without it",
    "attnforge_checkpoint_save": "the checkpoint is saved without its files",
    "attnforge_checkpoint_load": "the run continues without its saved state",
    "attnforge_report_sections": "the report has none of its sections",
}
"""What is missing after a hook raised, besides the hook itself."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A hook of a plugin that raised."""

    plugin: str
    """The name of its entry point."""
    hook: str
    error: BaseException

    def __str__(self) -> str:
        return f"plugin {self.plugin} raised in {self.hook}: {describe_error(self.error)}"

    def traceback(self) -> str:
        """The traceback as text."""
        return "".join(traceback.format_exception(self.error))


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls one hook of every plugin that implements it.

    Results are read inside the call, because an iterable may raise only when iterated.
    """

    hook: str
    implementations: tuple[pluggy.HookImpl, ...]
    hooks: Hooks

    def __call__(
        self, *, read: Callable[[Any], Any] = lambda result: result, **arguments: Any
    ) -> list[tuple[str, Any]]:
        """What each plugin returned, by its name; one that raises is reported and skipped from here on."""
        results = []
        for plugin, result in self.outcomes(read=read, **arguments):
            if isinstance(result, Failure):
                self.hooks.report(result)
            else:
                results.append((plugin, result))
        return results

    def each(self) -> Iterator[Caller]:
        """A caller for each plugin alone, in order."""
        return (Caller(self.hook, (implementation,), self.hooks) for implementation in self.implementations)

    def outcomes(
        self, *, read: Callable[[Any], Any] = lambda result: result, **arguments: Any
    ) -> Iterator[tuple[str, Any]]:
        """What each plugin returned, or its `Failure`, by its name; failures are not reported."""
        trace = tracing()
        for implementation in self.implementations:
            plugin = implementation.plugin_name
            if plugin in self.hooks.skipped:
                continue
            accepted = {name: _copied(arguments[name]) for name in implementation.argnames}
            try:
                with (
                    streams_kept(),
                    torch_kept(),
                    waited_for(plugin, self.hook, self.hooks.slow),
                    traced(plugin, self.hook, accepted) if trace else nullcontext(),
                ):
                    result = read(implementation.function(**accepted))
            except KeyboardInterrupt:  # Ctrl-C stops the command
                raise
            except BaseException as error:
                result = Failure(plugin, self.hook, error)
            yield plugin, result


def _copied(argument: Any) -> Any:
    """A copy of a dict, so that a hook cannot change it for others; anything else unchanged."""
    return dict(argument) if isinstance(argument, dict) else argument


class Hooks:
    """The hooks of loaded plugins.

    Plugins are called in the order in which they were loaded. One that raises is reported on stderr once, and
    its later hooks are skipped as long as this object lives, since they may depend on the one that failed.

    Args:
        managers: Contain the plugins.
        skipped: Names of plugins that raised; shared with the objects made by `with_listener`.
        slow: Lines printed about slow plugins; shared likewise.
        listeners: Called with each failure.
    """

    def __init__(
        self,
        managers: Sequence[pluggy.PluginManager],
        *,
        skipped: set[str] | None = None,
        slow: set[str] | None = None,
        listeners: Sequence[Callable[[Failure], object]] = (),
    ) -> None:
        self.managers = list(managers)
        self.skipped: set[str] = set() if skipped is None else skipped
        self.listeners = tuple(listeners)
        self.slow: set[str] = set() if slow is None else slow

    def caller(self, hook: str) -> Caller | None:
        """The caller of a hook, or None when no plugin implements it; get it once before a loop."""
        implementations = [
            implementation
            for manager in self.managers
            for implementation in getattr(manager.hook, hook).get_hookimpls()
            if implementation.plugin_name not in self.skipped
        ]
        implementations.sort(key=lambda implementation: implementation.trylast - implementation.tryfirst)
        return Caller(hook, tuple(implementations), self) if implementations else None

    def call(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Call a hook of every plugin; returns what each returned, by its name."""
        caller = self.caller(hook)
        return caller(**arguments) if caller is not None else []

    def with_listener(self, listener: Callable[[Failure], object]) -> Hooks:
        """The same hooks with one more listener for failures."""
        return Hooks(
            self.managers, skipped=self.skipped, slow=self.slow, listeners=[*self.listeners, listener]
        )

    def follow(self, plugin: str, observer: object) -> None:
        """Register an object whose methods implement hooks of a run, in the name of a plugin.

        An observer that implements no hook of a run, or an unknown one, is reported as the plugin's failure.
        """
        manager = pluggy.PluginManager("attnforge")
        manager.add_hookspecs(hookspec)
        try:
            members = {name: getattr(type(observer), name, None) for name in dir(type(observer))}
            if not check_hooks(members, known=hookspec.RUN_HOOKS):
                raise PluginDisabledError(f"it returned {observer!r}, which implements no hook of a run")
            manager.register(observer, plugin)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.report(Failure(plugin, "attnforge_run_start", error))
        else:
            self.managers.append(manager)

    def report(self, failure: Failure) -> None:
        """Report a plugin that raised on stderr and to the listeners, and skip its hooks from here on."""
        self.skipped.add(failure.plugin)
        consequence = CONSEQUENCES.get(failure.hook)
        lines = [
            f"warning: {failure}",
            f"  {f'{consequence}; ' if consequence else ''}its hooks are skipped from here on",
            f"  next: attnforge plugins check {failure.plugin}",
        ]
        print_text("\n".join(lines), err=True)
        for listener in self.listeners:
            listener(failure)
