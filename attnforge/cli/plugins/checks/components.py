"""Checks the components of a plugin: their classes, constructors and options; none is built."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from torch import nn

from attnforge.cli.plugins.checks.outcome import Outcome, outcome
from attnforge.interfaces import INTERFACES
from attnforge.plugin import KINDS, Component, PluginCatalogue, Registry
from attnforge.plugin.migration import migrate_options
from attnforge.recipe.json_schema import json_schema
from attnforge.recipe.options import options_of


def component_checks(component: Component, plugins: PluginCatalogue) -> Iterator[Outcome]:
    """The checks of one component; those of its class are skipped when it cannot be imported."""
    of = f"{component.kind}/{component.name}"
    imported = outcome("can be imported", of, lambda: _nothing(plugins.registry.load(component)))
    yield imported
    if imported.result == "fail":
        return
    target = plugins.registry.load(component)
    yield outcome("has a summary", of, lambda: _summary(component))
    if component.migrations is not None:
        yield outcome("migrations load", of, lambda: _migrations(component))
    yield outcome("implements its interface", of, lambda: missing_of(target, INTERFACES[component.kind]))
    yield outcome("is built from a spec", of, lambda: _constructor(component, target))
    typed = outcome("options have types", of, lambda: _nothing(options_of(target)))
    yield typed
    if typed.result == "fail":
        return
    yield outcome("options are documented", of, lambda: _documented(target))
    yield outcome("has a JSON Schema", of, lambda: _schema(component, plugins))


def missing_of(target: type, interface: type) -> str | None:
    """How a class fails to implement an interface: the first missing or incompatible method; else None."""
    for name, specified in vars(interface).items():
        if not inspect.isfunction(specified) or (name.startswith("_") and name != "__call__"):
            continue
        method = _method(target, name)
        if method is None:
            return f"it lacks the method {name} of {interface.__name__}"
        parameters = list(inspect.signature(specified).parameters.values())[1:]
        if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
            continue  # of a kernel: the arguments are those of its operation
        ordinary = [item for item in parameters if item.kind is item.POSITIONAL_OR_KEYWORD]
        positional = [object() for item in parameters if item.kind is item.POSITIONAL_ONLY]
        positional += [object() for item in ordinary if item.default is item.empty]
        keywords = {item.name: object() for item in ordinary if item.default is not item.empty}
        keywords |= {item.name: object() for item in parameters if item.kind is item.KEYWORD_ONLY}
        try:
            inspect.signature(method).bind(*positional, **keywords)
        except TypeError as error:
            return f"{name} cannot be called with the arguments of {interface.__name__}: {error}"
        except ValueError:  # written in C, without a signature
            continue
    return None


def _method(target: type, name: str) -> Callable[..., Any] | None:
    """A method as bound to an instance; for the call of a network, its `forward`."""
    if name == "__call__" and issubclass(target, nn.Module):
        if target.forward is nn.Module.forward:
            return None
        name = "forward"
    method = getattr(target, name, None)
    if method is None or not callable(method):
        return None
    bound = isinstance(inspect.getattr_static(target, name), staticmethod | classmethod)
    return method if bound else _without_self(method)


def _without_self(function: Callable[..., Any]) -> Callable[..., Any]:
    return function.__get__(object()) if hasattr(function, "__get__") else function


def _summary(component: Component) -> str | None:
    text = component.summary
    return None if text.strip() and "\n" not in text else f"{text!r} is not one line of text"


def _migrations(component: Component) -> str | None:
    migrate_options(component, {}, since=component.version)  # loads all steps and applies none
    return None


def _constructor(component: Component, target: type) -> str | None:
    parameters = list(inspect.signature(target).parameters.values())
    positional = [
        item.name for item in parameters if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)
    ]
    expected = 0 if KINDS[component.kind].spec is None else 1
    if len(positional) != expected:
        spec = "one spec" if expected else "nothing"
        return f"before `*` its constructor takes {', '.join(positional) or 'nothing'}, but gets {spec}"
    variadic = [str(item) for item in parameters if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD)]
    return f"a recipe cannot set {', '.join(variadic)}" if variadic else None


def _documented(target: type) -> str | None:
    if not (target.__doc__ or "").strip():
        return f"{target.__name__} has no docstring"
    missing = [name for name, option in options_of(target).items() if not option.summary]
    return f"`Args:` lacks {', '.join(missing)}" if missing else None


def _schema(component: Component, plugins: PluginCatalogue) -> str | None:
    json.dumps(json_schema(replace(plugins, registry=Registry([component]))))
    return None


def _nothing(_: object) -> None:
    """Discard a result: only exceptions count as failures."""
