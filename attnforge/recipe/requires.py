"""The packages that a recipe requires: read, compared with what is installed, and pinned when frozen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from attnforge.errors import Place, Problem
from attnforge.plugin import Plugin
from attnforge.recipe.node import Items, Node, Scalar

_EXPECTED = 'a package and its versions, such as "attnforge-gated>=0.2"'


@dataclass(frozen=True, slots=True)
class Required:
    """One line of `requires:`."""

    requirement: Requirement
    place: Place

    def __str__(self) -> str:
        return str(self.requirement)


def read_requires(node: Node | None, problems: list[Problem]) -> list[Required]:
    """What a file requires; lines that are none are added to `problems`."""
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return []
    if not isinstance(node, Items):
        message = "`requires` is not a list"
        problems.append(Problem("wrong-type", message, node.place, f"a list of texts, each {_EXPECTED}"))
        return []
    found = []
    for item in node.items:
        try:
            if not (isinstance(item, Scalar) and isinstance(item.value, str)):
                raise InvalidRequirement("it is no text")
            requirement = Requirement(item.value)
            if requirement.url is not None:
                raise InvalidRequirement("an address is no version")
        except InvalidRequirement as error:
            reason = " ".join(str(error).split())
            message = f"this is no requirement: {reason}"
            problems.append(Problem("bad-requirement", message, item.place, _EXPECTED))
            continue
        found.append(Required(requirement, item.place))
    return found


def unmet(required: Iterable[Required]) -> list[Problem]:
    """A problem for every package that is missing or has another version."""
    problems = []
    for one in required:
        wanted = one.requirement
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(wanted.name)
        except PackageNotFoundError:
            message = f"the recipe requires the package {wanted.name}, which is not installed"
        else:
            if wanted.specifier.contains(installed, prereleases=True):
                continue
            message = f"the recipe requires {wanted.name}{wanted.specifier}; installed is {installed}"
        line = _without_marker(wanted)
        step = f'pip install "{line}"'
        problems.append(Problem("missing-requirement", message, one.place, line, step))
    return problems


def with_providers(required: Sequence[Required], providers: Iterable[Plugin]) -> list[str]:
    """What a frozen recipe requires: what it did, and of each provider at least the installed version.

    attnforge itself stands in the lock, and a plugin that no package installed cannot be required.

    Args:
        required: What the recipe says.
        providers: The plugins whose components it uses.
    """
    installed = {}
    for plugin in providers:
        try:
            number = Version(plugin.version).public  # no specifier takes a local label
        except InvalidVersion:
            continue
        if canonicalize_name(plugin.distribution) != "attnforge":
            installed[canonicalize_name(plugin.distribution)] = (plugin.distribution, number)
    lines = []
    for one in required:
        wanted = one.requirement
        provider = installed.pop(canonicalize_name(wanted.name), None)
        if provider is not None:
            kept = [str(part) for part in wanted.specifier if part.operator not in (">=", ">")]
            wanted = Requirement(str(wanted))
            wanted.specifier = SpecifierSet(",".join([*kept, f">={provider[1]}"]))
        lines.append(str(wanted))
    lines += [f"{name}>={number}" for _, (name, number) in sorted(installed.items())]
    return list(dict.fromkeys(lines))


def _without_marker(requirement: Requirement) -> str:
    return str(requirement).partition(";")[0].strip()
