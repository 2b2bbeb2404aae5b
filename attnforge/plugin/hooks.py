"""Calling hooks: plugin by plugin, so that one that raises is charged by name and all others are heard."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pluggy

from attnforge.plugin import hookspec
from attnforge.plugin.contained import streams_kept, torch_kept, waited_for
from attnforge.plugin.declared import SetAsideError, check_hooks, describe_error
from attnforge.plugin.tracing import traced, tracing
from attnforge.terminal import print_text

CONSEQUENCES = {
    "attnforge_check_recipe": "the recipe uses nothing of it and was not checked by it",
    "attnforge_run_start": "the run goes on without it",
    "attnforge_checkpoint_save": "the checkpoint is kept without its files",
    "attnforge_checkpoint_load": "the run goes on without the state that it had saved",
    "attnforge_report_sections": "the report has none of its sections",
}
"""What is missing after a hook raised, where that is more than the hook itself."""


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
        """Where it rose, as Python writes it."""
        return "".join(traceback.format_exception(self.error))


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls one hook of every plugin that implements it.

    A result is read inside the call, because an iterable may raise as late as that.
    """

    hook: str
    implementations: tuple[pluggy.HookImpl, ...]
    hooks: Hooks

    def __call__(
        self, *, read: Callable[[Any], Any] = lambda result: result, **arguments: Any
    ) -> list[tuple[str, Any]]:
        """What each plugin returned, by its name; one that raises is charged and left out from here on."""
        results = []
        for plugin, result in self.outcomes(read=read, **arguments):
            if isinstance(result, Failure):
                self.hooks.charge(result)
            else:
                results.append((plugin, result))
        return results

    def each(self) -> Iterator[Caller]:
        """A caller for each plugin alone, in order."""
        return (Caller(self.hook, (one,), self.hooks) for one in self.implementations)

    def outcomes(
        self, *, read: Callable[[Any], Any] = lambda result: result, **arguments: Any
    ) -> Iterator[tuple[str, Any]]:
        """What each plugin returned, or its `Failure`, by its name; nobody is charged."""
        trace = tracing()
        for one in self.implementations:
            if one.plugin_name in self.hooks.left_out:
                continue
            given = {name: _copied(arguments[name]) for name in one.argnames}
            try:
                with (
                    streams_kept(),
                    torch_kept(),
                    waited_for(one.plugin_name, self.hook, self.hooks.slow),
                    traced(one.plugin_name, self.hook, given) if trace else nullcontext(),
                ):
                    result = read(one.function(**given))
            except KeyboardInterrupt:  # Ctrl-C is the user's
                raise
            except BaseException as error:
                result = Failure(one.plugin_name, self.hook, error)
            yield one.plugin_name, result


def _copied(argument: Any) -> Any:
    """What a hook may change without changing it for anybody else."""
    return dict(argument) if isinstance(argument, dict) else argument


class Hooks:
    """The hooks of loaded plugins.

    Plugins are called in the order in which they were loaded. One that raises is named on stderr once and
    its hooks are left out as long as this object lives, since what it missed may be what it counts on.

    Args:
        managers: Hold the plugins.
        left_out: Names of plugins that raised; shared by all that were made of one another.
        slow: What was said of plugins that take long; shared likewise.
        listeners: Told of each failure.
    """

    def __init__(
        self,
        managers: Sequence[pluggy.PluginManager],
        *,
        left_out: set[str] | None = None,
        slow: set[str] | None = None,
        listeners: Sequence[Callable[[Failure], object]] = (),
    ) -> None:
        self.managers = list(managers)
        self.left_out: set[str] = set() if left_out is None else left_out
        self.listeners = tuple(listeners)
        self.slow: set[str] = set() if slow is None else slow

    def caller(self, hook: str) -> Caller | None:
        """What calls a hook, or None when nobody implements it: ask once, and a loop pays nothing."""
        found = [one for manager in self.managers for one in getattr(manager.hook, hook).get_hookimpls()]
        found = [one for one in found if one.plugin_name not in self.left_out]
        found.sort(key=lambda one: one.trylast - one.tryfirst)
        return Caller(hook, tuple(found), self) if found else None

    def call(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Call a hook of every plugin; gives what each returned, by its name."""
        caller = self.caller(hook)
        return caller(**arguments) if caller is not None else []

    def telling(self, listener: Callable[[Failure], object]) -> Hooks:
        """The same hooks, which tell one more listener of failures."""
        return Hooks(
            self.managers, left_out=self.left_out, slow=self.slow, listeners=[*self.listeners, listener]
        )

    def follow(self, plugin: str, observer: object) -> None:
        """Let the methods of an object hear this object's hooks in a plugin's name.

        An observer that hears no hook of a run, or one that there is not, is charged to the plugin.
        """
        manager = pluggy.PluginManager("attnforge")
        manager.add_hookspecs(hookspec)
        try:
            members = {name: getattr(type(observer), name, None) for name in dir(type(observer))}
            heard = check_hooks(members, known=hookspec.RUN_HOOKS)
            if not heard:
                raise SetAsideError(f"it returned {observer!r}, which hears no hook of a run")
            manager.register(observer, plugin)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.charge(Failure(plugin, "attnforge_run_start", error))
        else:
            self.managers.append(manager)

    def charge(self, failure: Failure) -> None:
        """Name a plugin that raised, tell the listeners, and leave its hooks out from here on."""
        self.left_out.add(failure.plugin)
        missing = CONSEQUENCES.get(failure.hook)
        lines = [
            f"warning: {failure}",
            f"  {f'{missing}; ' if missing else ''}its hooks are left out from here on",
            f"  next: attnforge plugins check {failure.plugin}",
        ]
        print_text("\n".join(lines), err=True)
        for listener in self.listeners:
            listener(failure)
