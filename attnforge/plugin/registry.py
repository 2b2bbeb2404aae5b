"""Components by kind and name; loading one imports its module and no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module

from attnforge.errors import PluginError, Problem, nearest
from attnforge.kinds import KINDS
from attnforge.plugin.component import Component
from attnforge.plugin.contained import streams_kept
from attnforge.plugin.declared import describe_error


class Registry:
    """The components of all loaded plugins.

    Args:
        components: The components that they declare.
        disabled: Names of plugins that are not loaded, for the error about an unknown name.
    """

    def __init__(self, components: Iterable[Component] = (), *, disabled: Sequence[str] = ()) -> None:
        self._disabled = tuple(disabled)
        self._components = {(component.kind, component.name): component for component in components}

    def __iter__(self) -> Iterator[Component]:
        """All components, by kind in the order of `KINDS`, then by name."""
        order = list(KINDS)
        return iter(sorted(self._components.values(), key=lambda part: (order.index(part.kind), part.name)))

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of a kind's components, sorted."""
        return tuple(component.name for component in self if component.kind == kind)

    def get(self, kind: str, name: str) -> Component:
        """The component of this kind and name.

        Raises:
            PluginError: `unknown-component` when there is none, or `wrong-kind` when only components of other
                kinds have the name.
        """
        if (kind, name) in self._components:
            return self._components[kind, name]
        names = self.names(kind)
        meaning = KINDS[kind].summary if kind in KINDS else kind
        known = ", ".join(names) or f"none is installed; a plugin must provide one ({meaning})"
        other_kinds = [other for other, taken in self._components if taken == name]
        if other_kinds:
            code, message = "wrong-kind", f"`{name}` is of the kind {', '.join(other_kinds)}, not {kind}"
        else:
            code, message = "unknown-component", f"no {kind} is called `{name}`"
        close = nearest(name, names)
        expected = f"`{close}`; known: {known}" if close else f"one of {known}" if names else known
        next_step = f"attnforge components {kind}"
        if self._disabled:
            next_step = f"attnforge plugins, because these are disabled: {', '.join(self._disabled)}"
        raise PluginError(Problem(code, message, None, expected, next_step))

    def find(self, kind: str, target: type) -> Component | None:
        """The component of this kind with this class, or None."""
        name = f"{target.__module__}:{target.__qualname__}"
        return next((part for part in self if part.kind == kind and part.target == name), None)

    def load(self, component: Component) -> type:
        """Import a component's class.

        Raises:
            PluginError: `component-import` when its module cannot be imported or has no such class.
        """
        module, _, attribute = component.target.partition(":")
        try:
            with streams_kept():
                target: object = import_module(module)
                for name in attribute.split("."):
                    target = getattr(target, name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginError(_broken(component, f"cannot be imported: {describe_error(error)}")) from error
        if not isinstance(target, type):
            raise PluginError(_broken(component, f"is a {type(target).__name__}, not a class"))
        return target


def _broken(component: Component, what: str) -> Problem:
    message = f"{component.kind} `{component.name}` ({component.target}) {what}"
    return Problem("component-import", message, next_step="attnforge plugins")
