"""The components that a plugin declares: their classes, constructors and options; none is built."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from torch import nn

from attnforge.cli.plugins.checks.outcome import Outcome, outcome
from attnforge.interfaces import INTERFACES
from attnforge.plugin import Component, PluginCatalogue, Registry
from attnforge.plugin.migration import migrate_options
from attnforge.recipe.json_schema import json_schema
from attnforge.recipe.options import options_of

TOLD_NOTHING = ("tokenizer", "loss", "kernel")
"""Kinds whose constructors are handed no spec."""


def component_checks(component: Component, plugins: PluginCatalogue) -> Iterator[Outcome]:
    """The checks of one component; those of its class are left out when it cannot be imported."""
    of = f"{component.kind}/{component.name}"
    imported = outcome("is imported", of, lambda: _nothing(plugins.registry.load(component)))
    yield imported
    if imported.result == "fail":
        return
    target = plugins.registry.load(component)
    yield outcome("has a summary", of, lambda: _summary(component))
    if component.migrations is not None:
        yield outcome("migrations load", of, lambda: _migrations(component))
    yield outcome("has what its kind promises", of, lambda: missing_of(target, INTERFACES[component.kind]))
    yield outcome("is built from a spec", of, lambda: _constructor(component, target))
    typed = outcome("options have types", of, lambda: _nothing(options_of(target)))
    yield typed
    if typed.result == "fail":
        return
    yield outcome("options are explained", of, lambda: _explained(target))
    yield outcome("stands in the JSON Schema", of, lambda: _schema(component, plugins))


def missing_of(target: type, interface: type) -> str | None:
    """The first method of an interface that a class lacks, or cannot be called like, in words; else None."""
    for name, promised in vars(interface).items():
        if not inspect.isfunction(promised) or (name.startswith("_") and name != "__call__"):
            continue
        own = _method(target, name)
        if own is None:
            return f"it has no method {name}, which {interface.__name__} promises"
        parameters = list(inspect.signature(promised).parameters.values())[1:]
        if any(one.kind is one.VAR_POSITIONAL for one in parameters):
            continue  # a kernel's: the arguments are those of its operation
        needed = [one for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
        positional = [object() for one in needed if one.default is one.empty]
        named = {one.name: object() for one in needed if one.default is not one.empty}
        named |= {one.name: object() for one in parameters if one.kind is one.KEYWORD_ONLY}
        try:
            inspect.signature(own).bind(*positional, **named)
        except TypeError as error:
            return f"{name} cannot be called as {interface.__name__} promises: {error}"
        except ValueError:  # written in C, without a signature to look at
            continue
    return None


def _method(target: type, name: str) -> Callable[..., Any] | None:
    """A method as an instance would have it; of a network's call, the `forward` behind it."""
    if name == "__call__" and issubclass(target, nn.Module):
        if target.forward is nn.Module.forward:
            return None
        name = "forward"
    found = getattr(target, name, None)
    if found is None or not callable(found):
        return None
    bound = isinstance(inspect.getattr_static(target, name), staticmethod | classmethod)
    return found if bound else _without_self(found)


def _without_self(function: Callable[..., Any]) -> Callable[..., Any]:
    return function.__get__(object()) if hasattr(function, "__get__") else function


def _summary(component: Component) -> str | None:
    text = component.summary
    return None if text.strip() and "\n" not in text else f"{text!r} is not one line of text"


def _migrations(component: Component) -> str | None:
    migrate_options(component, {}, since=component.version)  # no step is taken, but all are loaded
    return None


def _constructor(component: Component, target: type) -> str | None:
    parameters = list(inspect.signature(target).parameters.values())
    before = [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    wanted = 0 if component.kind in TOLD_NOTHING else 1
    if len(before) != wanted:
        told = "one spec" if wanted else "nothing"
        return f"before `*` its constructor takes {', '.join(before) or 'nothing'}; it is handed {told}"
    loose = [str(one) for one in parameters if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    return f"no recipe can say what {', '.join(loose)} takes" if loose else None


def _explained(target: type) -> str | None:
    if not (target.__doc__ or "").strip():
        return f"{target.__name__} has no docstring"
    bare = [name for name, option in options_of(target).items() if not option.summary]
    return f"`Args:` says nothing of {', '.join(bare)}" if bare else None


def _schema(component: Component, plugins: PluginCatalogue) -> str | None:
    json.dumps(json_schema(replace(plugins, registry=Registry([component]))))
    return None


def _nothing(_: object) -> None:
    """Whatever came out, nothing is wrong."""
