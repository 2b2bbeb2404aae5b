"""Runs the checks of a component without pytest: for notebooks, and for the tests of the kit itself."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnforge.api import arguments
from attnforge.api.declared import declaration, plugins_with
from attnforge.errors import Problem, RunError, nearest
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.testing.check import Check
from attnforge.testing.checks import OF_PLUGIN_MODULE, checks_of
from attnforge.testing.subject import Options, Subject, find
from attnforge.testing.summary import outcome_line


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of every check of a component."""

    name: str
    """Kind and name of the component."""
    passed: tuple[str, ...]
    """The checks that passed."""
    failed: Mapping[str, Exception]
    """The checks that failed, each with its exception."""
    skipped: Mapping[str, str]
    """The checks that were skipped, each with the reason."""

    def __str__(self) -> str:
        counts = {"passed": len(self.passed), "failed": len(self.failed), "skipped": len(self.skipped)}
        lines = [outcome_line(self.name, counts)]
        lines += [f"  failed   {name}: {error}" for name, error in self.failed.items()]
        lines += [f"  skipped  {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)


def run(
    name: str | type,
    *,
    options: Options | None = None,
    skip: Mapping[str, str] | None = None,
    spec: Any = None,
    recipe: Options | None = None,
    plugins: PluginCatalogue | None = None,
    only: Collection[str] | None = None,
) -> Report:
    """Check a component against the promises of its kind.

    Args:
        name: Kind and name, such as `attention/gated`, or a class that `attnforge.component` declared.
        options: The component's options, as in a recipe; or a function that takes an empty folder for files
            and returns the options.
        skip: Checks to skip, each with the reason.
        spec: The spec that it is built with; or a function that returns one. By default a small spec.
        recipe: Other sections of the recipe, for a component that requires certain neighbours, such as
            `{"tokenizer": "mine"}`; or a function as for `options`. By default small examples.
        plugins: Where to look for the component; by default the installed plugins.
        only: The checks to run; by default all of the kind.

    Raises:
        PluginError: There is no such component, or the class was not declared.
        RunError: `unknown-check` or `skip-reason`, when `skip` names an unknown check or lacks a reason.
    """
    if isinstance(name, type):
        declared = declaration(name)
        plugins = plugins or plugins_with([declared])
        name = f"{declared.kind}/{declared.name}"
        skip = {**dict.fromkeys(OF_PLUGIN_MODULE, "the class has no plugin around it"), **(skip or {})}
    plugins = plugins or load_plugins()
    name = arguments.text("name", name, expected="KIND/NAME of a component, or a class declared as one")
    component = find(name, plugins)
    reasons = skips(component.kind, skip)
    skipped = {check: reason for check, reason in reasons.items() if only is None or check in only}
    passed, failed = [], {}
    with tempfile.TemporaryDirectory(prefix="attnforge-conformance-") as folder:
        subject = Subject(component, plugins, Path(folder), options, spec, recipe)
        for check in checks_of(component.kind):
            if check.name in reasons or (only is not None and check.name not in only):
                continue
            try:
                check.function(subject)
            except Exception as error:
                failed[check.name] = error
            else:
                passed.append(check.name)
    return Report(name, tuple(passed), failed, skipped)


def skips(kind: str, skip: Mapping[str, str] | None) -> dict[str, str]:
    """The checks to skip, each with its reason.

    Raises:
        RunError: `unknown-check` or `skip-reason`, when a check is unknown or a reason is blank.
    """
    known = [check.name for check in checks_of(kind)]
    problems = []
    for name, reason in (skip or {}).items():
        if name not in known:
            close = nearest(name, known)
            expected = f"`{close}`" if close else f"one of {', '.join(known)}"
            problems.append(Problem("unknown-check", f"{kind} has no check `{name}`", None, expected))
        elif not reason.strip():
            message = f"the check `{name}` is skipped without a reason"
            problems.append(Problem("skip-reason", message, None, "a sentence that explains why"))
    if problems:
        raise RunError(problems)
    return dict(skip or {})


__all__ = ["Check", "Report", "run", "skips"]
