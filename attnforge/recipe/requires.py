"""The packages that a recipe requires: parsed, checked against installed ones, and pinned when frozen."""

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
from attnforge.plugin.installing import install_command
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
    """The requirements of a file; invalid ones are added to `problems`."""
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return []
    if not isinstance(node, Items):
        message = "`requires` is not a list"
        problems.append(Problem("wrong-type", message, node.place, f"a list of texts, each {_EXPECTED}"))
        return []
    requirements = []
    for item in node.items:
        try:
            if not (isinstance(item, Scalar) and isinstance(item.value, str)):
                raise InvalidRequirement("it is not a text")
            requirement = Requirement(item.value)
            if requirement.url is not None:
                raise InvalidRequirement("URLs are not allowed")
        except InvalidRequirement as error:
            reason = " ".join(str(error).split())
            message = f"invalid requirement: {reason}"
            problems.append(Problem("bad-requirement", message, item.place, _EXPECTED))
            continue
        requirements.append(Required(requirement, item.place))
    return requirements


def unmet(required: Iterable[Required]) -> list[Problem]:
    """A problem for every package that is missing or has another version."""
    problems = []
    for line in required:
        requirement = line.requirement
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            message = f"the recipe requires the package {requirement.name}, which is not installed"
        else:
            if requirement.specifier.contains(installed, prereleases=True):
                continue
            message = (
                f"the recipe requires {requirement.name}{requirement.specifier}, "
                f"but version {installed} is installed"
            )
        expected = _without_marker(requirement)
        step = install_command(str(expected))
        problems.append(Problem("missing-requirement", message, line.place, expected, step))
    return problems


def with_providers(required: Sequence[Required], providers: Iterable[Plugin]) -> list[str]:
    """The requirements of a frozen recipe: its own, and each provider in at least the installed version.

    attnforge itself is in the lock, and a plugin that no package installed cannot be required.

    Args:
        required: The recipe's own requirements.
        providers: The plugins whose components it uses.
    """
    installed = {}
    for plugin in providers:
        try:
            number = Version(plugin.version).public  # specifiers cannot contain a local version label
        except InvalidVersion:
            continue
        if canonicalize_name(plugin.distribution) != "attnforge":
            installed[canonicalize_name(plugin.distribution)] = (plugin.distribution, number)
    lines = []
    for line in required:
        requirement = line.requirement
        provider = installed.pop(canonicalize_name(requirement.name), None)
        if provider is not None:
            kept = [str(part) for part in requirement.specifier if part.operator not in (">=", ">")]
            requirement = Requirement(str(requirement))
            requirement.specifier = SpecifierSet(",".join([*kept, f">={provider[1]}"]))
        lines.append(str(requirement))
    lines += [f"{name}>={number}" for _, (name, number) in sorted(installed.items())]
    return list(dict.fromkeys(lines))


def _without_marker(requirement: Requirement) -> str:
    return str(requirement).partition(";")[0].strip()
