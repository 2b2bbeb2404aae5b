"""What every component promises about its declaration and its constructor."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from attnforge.errors import PluginError
from attnforge.interfaces import INTERFACES
from attnforge.kinds import KINDS
from attnforge.recipe.options import options_of
from attnforge.testing.expect import require
from attnforge.testing.subject import Subject

MAX_SUMMARY_LENGTH = 100
"""Characters that fit next to a name on one line of `attnforge components`."""


def declaration_is_complete(subject: Subject) -> None:
    """The component's `target` names the module that defines its class, and its summary is one line."""
    component, target = subject.component, subject.target
    path = f"{target.__module__}:{target.__qualname__}"
    require(component.target == path, f"the target is {component.target}, but the class is defined at {path}")
    summary = component.summary
    require(summary.strip() and "\n" not in summary, f"the summary {summary!r} is not one line of text")
    require(
        len(summary) <= MAX_SUMMARY_LENGTH,
        f"the summary has {len(summary)} characters, the limit is {MAX_SUMMARY_LENGTH}",
    )


def constructor_signature(subject: Subject) -> None:
    """The constructor takes its kind's spec, if there is one, before `*`, and only options after it."""
    signature = inspect.signature(subject.target)
    positional = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ]
    count = 0 if KINDS[subject.component.kind].spec is None else 1
    names = ", ".join(positional) or "nothing"
    expected = "the spec alone" if count else "nothing"
    require(len(positional) == count, f"before `*` the constructor takes {names}, expected {expected}")
    variadic = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    ]
    require(not variadic, f"a recipe cannot set `*{', *'.join(variadic)}`: give every option a name")


def options_are_typed(subject: Subject) -> None:
    """Every option has a type annotation that a recipe can express."""
    options_of(subject.target)


def options_are_documented(subject: Subject) -> None:
    """The class has a docstring, with a line under `Args:` for every option."""
    require((subject.target.__doc__ or "").strip(), f"{subject.target.__name__} has no docstring")
    try:
        options = options_of(subject.target)
    except PluginError:
        return  # options_are_typed reports an option without a usable type
    undocumented = [name for name, option in options.items() if not option.summary]
    require(not undocumented, f"these options are missing under `Args:`: {', '.join(undocumented)}")


def implements_its_interface(subject: Subject) -> None:
    """It can be built, and has every method and attribute of its kind's interface."""
    built = subject.build()
    interface = INTERFACES[subject.component.kind]
    missing = sorted(name for name in _members(interface) if not hasattr(built, name))
    require(
        not missing,
        f"{type(built).__name__} lacks {', '.join(missing)}, required by the interface {interface.__name__}",
    )


def _members(interface: type) -> set[str]:
    """Names of a protocol's methods and attributes."""
    own = {*inspect.get_annotations(interface), *vars(interface)}
    return {name for name in own if name == "__call__" or not name.startswith("_")}


CHECKS: tuple[Callable[[Subject], None], ...] = (
    declaration_is_complete,
    constructor_signature,
    options_are_typed,
    options_are_documented,
    implements_its_interface,
)
