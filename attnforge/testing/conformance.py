"""A pytest class with one named test for each promise of a component."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import pytest

from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.testing.check import Check
from attnforge.testing.checks import checks_of
from attnforge.testing.report import skips
from attnforge.testing.subject import Options, Subject, find
from attnforge.testing.summary import PROPERTY, Summary


def conformance(
    name: str,
    *,
    options: Options | None = None,
    skip: Mapping[str, str] | None = None,
    spec: Any = None,
    recipe: Options | None = None,
    plugins: PluginCatalogue | None = None,
) -> type:
    """A pytest class that checks a component against the promises of its kind.

    Assign it to a name that begins with `Test`. Each test is named after its promise, such as
    `test_weights_sum_to_one`, so that `pytest -v` reads as a list of promises. At its end pytest reports how
    many checks passed.

        TestGated = conformance("attention/gated", options={"heads": 2}, skip={"compile": "calls C++"})

    Args:
        name: Kind and name, such as `attention/gated`.
        options: The component's options, as in a recipe; or a function that takes an empty folder, writes the
            files that the component needs into it, and returns the options.
        skip: Checks to skip, each with the reason.
        spec: The spec that it is built with (see `attnforge.specs`); or a function that returns one, needed
            when the spec holds networks. By default a small spec.
        recipe: Other sections of the recipe, for a component that requires certain neighbours, such as
            `{"tokenizer": "mine"}`; or a function as for `options`. By default small examples.
        plugins: Where to look for the component; by default the installed plugins.

    Raises:
        PluginError: There is no such component.
        RunError: `unknown-check` or `skip-reason`, when `skip` names an unknown check or lacks a reason.
    """
    plugins = plugins or load_plugins()
    component = find(name, plugins)
    reasons = skips(component.kind, skip)
    caller = sys._getframe(1)
    location = _location(caller.f_code.co_filename, caller.f_lineno)
    subjects: list[Subject] = []

    def subject(folders: pytest.TempPathFactory) -> Subject:
        if not subjects:
            folder = folders.mktemp("conformance")
            subjects.append(Subject(component, plugins, folder, options, spec, recipe))
        return subjects[0]

    tests: dict[str, object] = {
        f"test_{check.name}": _test(check, name, subject, reasons.get(check.name), location)
        for check in checks_of(component.kind)
    }
    tests |= {"__doc__": f"The promises of {name}.", "__module__": caller.f_globals.get("__name__", __name__)}
    return type("Conformance", (), tests)


def _test(
    check: Check,
    name: str,
    subject: Callable[[pytest.TempPathFactory], Subject],
    reason: str | None,
    location: object,
) -> Callable[..., None]:
    def test(self: object, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
        __tracebackhide__ = True
        Summary.of(request.config)
        request.node.user_properties.append((PROPERTY, name))
        if reason is not None:
            pytest.skip(reason)
        check.function(subject(tmp_path_factory))

    test.__doc__ = check.promise
    vars(test)["place_as"] = location
    return test


def _location(file: str, line: int) -> object:
    """A function located in the author's file, so that pytest reports that file and not this one."""
    code = (lambda: None).__code__.replace(co_filename=file, co_firstlineno=line)
    return FunctionType(code, {})
