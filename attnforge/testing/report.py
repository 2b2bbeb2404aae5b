"""The checks of a component without pytest: for notebooks, and for the tests of the kit itself."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnforge.errors import Problem, RunError, nearest
from attnforge.plugin import PluginCatalogue, load_plugins
from attnforge.testing.check import Check
from attnforge.testing.checks import checks_of
from attnforge.testing.subject import Options, Subject, find


@dataclass(frozen=True, slots=True)
class Report:
    """What became of every check of a component."""

    name: str
    """Kind and name of the component."""
    kept: tuple[str, ...]
    """The checks whose promise is kept."""
    broken: Mapping[str, Exception]
    """The others that ran, each with what went wrong."""
    skipped: Mapping[str, str]
    """Those that did not run, each with its reason."""

    def __str__(self) -> str:
        ran = len(self.kept) + len(self.broken)
        lines = [f"{self.name}: {ran} checks ran, {len(self.kept)} promises kept"]
        lines += [f"  broken   {name}: {error}" for name, error in self.broken.items()]
        lines += [f"  skipped  {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)


def run(
    name: str,
    *,
    options: Options | None = None,
    skip: Mapping[str, str] | None = None,
    spec: Any = None,
    recipe: Options | None = None,
    plugins: PluginCatalogue | None = None,
    only: Collection[str] | None = None,
) -> Report:
    """Hold a component to the promises of its kind.

    Args:
        name: Kind and name, such as `attention/gated`.
        options: What a recipe says of it; or a function that is given an empty folder and gives them.
        skip: Checks that are left out, each with its reason.
        spec: What it is told; or a function that makes it. A small spec of attnforge's when not given.
        recipe: Sections of the recipe that it is resolved in, where it insists on its neighbours, such as
            `{"tokenizer": "mine"}`; or a function like that of the options. Small examples when not given.
        plugins: Whose component it is; the installed plugins when not given.
        only: The checks that run; all of the kind when not given.

    Raises:
        PluginError: There is no such component.
        RunError: `unknown-check` or `skip-reason`, when `skip` names no check or gives no reason.
    """
    plugins = plugins or load_plugins()
    component = find(name, plugins)
    skipped = skips(component.kind, skip)
    kept, broken = [], {}
    with tempfile.TemporaryDirectory(prefix="attnforge-conformance-") as folder:
        subject = Subject(component, plugins, Path(folder), options, spec, recipe)
        for check in checks_of(component.kind):
            if check.name in skipped or (only is not None and check.name not in only):
                continue
            try:
                check.function(subject)
            except Exception as error:
                broken[check.name] = error
            else:
                kept.append(check.name)
    return Report(name, tuple(kept), broken, skipped)


def skips(kind: str, given: Mapping[str, str] | None) -> dict[str, str]:
    """The checks to leave out, with their reasons, when all are known and each has one.

    Raises:
        RunError: `unknown-check` or `skip-reason`.
    """
    known = [check.name for check in checks_of(kind)]
    problems = []
    for name, reason in (given or {}).items():
        if name not in known:
            close = nearest(name, known)
            expected = f"`{close}`" if close else f"one of {', '.join(known)}"
            problems.append(Problem("unknown-check", f"{kind} has no check `{name}`", None, expected))
        elif not reason.strip():
            message = f"the check `{name}` is left out without a reason"
            problems.append(Problem("skip-reason", message, None, "a sentence that says why"))
    if problems:
        raise RunError(problems)
    return dict(given or {})


__all__ = ["Check", "Report", "run", "skips"]
