"""What every component promises of its record and its constructor."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from attnforge.errors import PluginError
from attnforge.interfaces import INTERFACES
from attnforge.recipe.options import options_of
from attnforge.testing.expect import require
from attnforge.testing.subject import Subject

LONGEST_SUMMARY = 100
"""Characters that fit beside a name on one line of `attnforge components`."""
TOLD_NOTHING = ("tokenizer", "loss", "kernel")
"""Kinds whose constructors are handed no spec."""


def declaration_is_complete(subject: Subject) -> None:
    """The record names a class where it is defined, with one line of summary."""
    component, target = subject.component, subject.target
    place = f"{target.__module__}:{target.__qualname__}"
    require(component.target == place, f"the target is {component.target}, but the class lies at {place}")
    summary = component.summary
    require(summary.strip() and "\n" not in summary, f"the summary {summary!r} is not one line of text")
    require(
        len(summary) <= LONGEST_SUMMARY, f"the summary has {len(summary)} characters: {LONGEST_SUMMARY} fit"
    )


def constructor_takes_its_spec(subject: Subject) -> None:
    """Before `*` the constructor takes what its kind is told and nothing else; after it, options."""
    signature = inspect.signature(subject.target)
    kinds = inspect.Parameter
    told = [
        name
        for name, one in signature.parameters.items()
        if one.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]
    wanted = 0 if subject.component.kind in TOLD_NOTHING else 1
    names = ", ".join(told) or "nothing"
    expected = "one spec" if wanted else "nothing"
    require(len(told) == wanted, f"before `*` the constructor takes {names}; it is handed {expected}")
    loose = [
        name
        for name, one in signature.parameters.items()
        if one.kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)
    ]
    require(not loose, f"no recipe can say what `*{', *'.join(loose)}` takes")


def parameters_are_typed(subject: Subject) -> None:
    """Every option has a type that a recipe can say."""
    options_of(subject.target)


def parameters_are_documented(subject: Subject) -> None:
    """The class has a docstring, with a line under `Args:` for every option."""
    require((subject.target.__doc__ or "").strip(), f"{subject.target.__name__} has no docstring")
    try:
        options = options_of(subject.target)
    except PluginError:
        return  # an option without a usable type is another check's business
    bare = [name for name, option in options.items() if not option.summary]
    require(not bare, f"`Args:` says nothing of {', '.join(bare)}")


def builds_with_its_options(subject: Subject) -> None:
    """It can be built, and has all that its kind's interface names."""
    built = subject.build()
    interface = INTERFACES[subject.component.kind]
    missing = sorted(name for name in _promised(interface) if not hasattr(built, name))
    require(
        not missing,
        f"{type(built).__name__} lacks {', '.join(missing)} of the interface {interface.__name__}",
    )


def _promised(interface: type) -> set[str]:
    """The names of a protocol's methods and attributes."""
    own = {*inspect.get_annotations(interface), *vars(interface)}
    return {name for name in own if name == "__call__" or not name.startswith("_")}


CHECKS: tuple[Callable[[Subject], None], ...] = (
    declaration_is_complete,
    constructor_takes_its_spec,
    parameters_are_typed,
    parameters_are_documented,
    builds_with_its_options,
)
