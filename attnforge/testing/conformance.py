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
    """A pytest class that holds a component to the promises of its kind; bind it to a name with `Test`.

    Each test is called after its promise, such as `test_weights_sum_to_one`, so that `pytest -v` reads as a
    list of promises. When pytest ends it says how many ran.

        TestGated = conformance("attention/gated", options={"heads": 2}, skip={"compile": "calls C++"})

    Args:
        name: Kind and name, such as `attention/gated`.
        options: What a recipe says of it; or a function that is given an empty folder, fills it with the
            files that the component needs, and gives the options.
        skip: Checks that are left out, each with its reason.
        spec: What it is told (see `attnforge.specs`); or a function that makes it, needed when it holds
            live parts. A small spec of attnforge's when not given.
        recipe: Sections of the recipe that it is resolved in, where it insists on its neighbours, such as
            `{"tokenizer": "mine"}`; or a function like that of the options. Small examples when not given.
        plugins: Whose component it is; the installed plugins when not given.

    Raises:
        PluginError: There is no such component.
        RunError: `unknown-check` or `skip-reason`, when `skip` names no check or gives no reason.
    """
    plugins = plugins or load_plugins()
    component = find(name, plugins)
    reasons = skips(component.kind, skip)
    caller = sys._getframe(1)
    place = _place(caller.f_code.co_filename, caller.f_lineno)
    subjects: list[Subject] = []

    def subject(folders: pytest.TempPathFactory) -> Subject:
        if not subjects:
            folder = folders.mktemp("conformance")
            subjects.append(Subject(component, plugins, folder, options, spec, recipe))
        return subjects[0]

    tests: dict[str, object] = {
        f"test_{check.name}": _test(check, name, subject, reasons.get(check.name), place)
        for check in checks_of(component.kind)
    }
    tests |= {"__doc__": f"The promises of {name}.", "__module__": caller.f_globals.get("__name__", __name__)}
    return type("Conformance", (), tests)


def _test(
    check: Check,
    name: str,
    subject: Callable[[pytest.TempPathFactory], Subject],
    reason: str | None,
    place: object,
) -> Callable[..., None]:
    def test(self: object, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
        __tracebackhide__ = True
        Summary.of(request.config)
        request.node.user_properties.append((PROPERTY, name))
        if reason is not None:
            pytest.skip(reason)
        check.function(subject(tmp_path_factory))

    test.__doc__ = check.promise
    vars(test)["place_as"] = place
    return test


def _place(file: str, line: int) -> object:
    """Something that pytest finds in the author's own file, so that it does not point at this one."""
    code = (lambda: None).__code__.replace(co_filename=file, co_firstlineno=line)
    return FunctionType(code, {})
