"""Migrates options of components that a recipe pins to an older version to the installed version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attnforge.errors import PluginError, Problem
from attnforge.plugin import Component, PluginCatalogue
from attnforge.plugin.migration import migrate_options
from attnforge.recipe.node import Entry, Items, Map, Node, Scalar, find, named, plain
from attnforge.recipe.pins import read_pin
from attnforge.recipe.rewrite import rewritten


def migrate(
    root: Map, *, under: Node | None, lock: Node | None, plugins: PluginCatalogue, problems: list[Problem]
) -> Map:
    """One file of a recipe with the options of installed versions; values keep their places.

    Args:
        root: The content of the file.
        under: Its merged parents, already migrated, which name the components of maps without `use`.
        lock: The `lock:` of this file, whose versions apply where nothing is pinned.
        plugins: The available components and their versions.
        problems: Collects what cannot be migrated.
    """
    if lock is not None:
        root = _with_samples(_with_pretrained(root))
    locked = _locked(lock)
    if not _differs(root, locked, plugins):
        return root
    # The types of options import torch, and most recipes need no migration.
    from attnforge.recipe.typed_walk import walk_recipe

    def migrate_slot(kind: str, node: Node) -> Node:
        return _migrated(kind, node, locked, lock, plugins, problems)

    return walk_recipe(root, under=under, plugins=plugins, change=migrate_slot)


def _migrated(
    kind: str,
    node: Node,
    locked: Mapping[str, int],
    lock: Node | None,
    plugins: PluginCatalogue,
    problems: list[Problem],
) -> Node:
    """A slot's value with the options of the installed version; unchanged when it cannot be migrated."""
    name = named(node)
    pin = read_pin(str(name.value)) if name is not None else None
    if name is None or pin is None:
        return node
    component = next((part for part in plugins.registry if (part.kind, part.name) == (kind, pin[0])), None)
    if component is None:
        return node  # decoding reports the unknown component
    since = pin[1] or locked.get(f"{kind}/{pin[0]}", component.version)
    if since > component.version:
        problems.append(_too_new(component, since, name, lock, plugins))
    if since >= component.version:
        return node
    before = node if isinstance(node, Map) else Map({"use": Entry(node.place, node)}, node.place)
    options = Map({key: entry for key, entry in before.entries.items() if key != "use"}, before.place)
    data = plain(options)
    assert isinstance(data, dict)  # noqa: S101  (a Map gives a dict)
    try:
        migrated = rewritten(migrate_options(component, data, since=since), options, name.place)
    except (PluginError, TypeError) as error:
        problems += _placed(error, component, since, name)
        return node
    text = f"{component.name}@{component.version}" if pin[1] else component.name
    use = Entry(before.entries["use"].key, Scalar(text, name.place))
    return Map({"use": use, **migrated.entries}, node.place) if migrated.entries else use.node


def _with_pretrained(root: Map) -> Map:
    """A frozen recipe of version 0.1 with `pretrained` in place of `encoders`."""
    old = root.entries.get("encoders")
    if old is None:
        return root
    entries = {name: entry for name, entry in root.entries.items() if name != "encoders"}
    if isinstance(old.node, Scalar) and old.node.value is not None:
        entries["pretrained"] = Entry(old.key, Map({"encoders": old}, old.node.place))
    return Map(entries, root.place)


def _with_samples(root: Map) -> Map:
    """A frozen recipe of version 0.1 with `samples` in place of `sampling`, which names a sampler now."""
    old = root.entries.get("sampling")
    if old is None or not isinstance(old.node, Map) or "use" in old.node.entries:
        return root
    entries = {"samples" if name == "sampling" else name: entry for name, entry in root.entries.items()}
    return Map(entries, root.place)


def _placed(
    error: PluginError | TypeError, component: Component, since: int, name: Scalar
) -> Iterator[Problem]:
    if isinstance(error, TypeError):
        message = f"{component.kind} `{component.name}` cannot be migrated from version {since}: {error}"
        step = f"attnforge explain {component.kind}/{component.name}"
        yield Problem("migration-failed", message, name.place, "migrations that return plain YAML data", step)
        return
    for problem in error.problems:
        yield Problem(problem.code, problem.message, name.place, problem.expected, problem.next_step)


def _too_new(
    component: Component, since: int, name: Scalar, lock: Node | None, plugins: PluginCatalogue
) -> Problem:
    owner = plugins.owner(component)
    key = f"{component.kind}/{component.name}"
    locked = find(lock, f"components.{key}.distribution_version") if lock is not None else None
    at_least = f">={locked.value}" if isinstance(locked, Scalar) and locked.value else ""
    package = f'"{owner.distribution}{at_least}"' if at_least else f"--upgrade {owner.distribution}"
    return Problem(
        "component-too-new",
        f"the recipe needs version {since} of {component.kind} `{component.name}`; "
        f"{owner} provides version {component.version}",
        name.place,
        f"a newer {owner.distribution}, or the options of version {component.version}",
        f"pip install {package}",
    )


def _locked(lock: Node | None) -> dict[str, int]:
    """The version of every component that a lock names."""
    components = find(lock, "components") if lock is not None else None
    versions = {}
    for key in components.entries if isinstance(components, Map) else ():
        version = find(components, f"{key}.version") if components is not None else None
        if isinstance(version, Scalar) and type(version.value) is int:
            versions[key] = version.value
    return versions


def _differs(root: Map, locked: Mapping[str, int], plugins: PluginCatalogue) -> bool:
    """Whether the lock, or anything that looks like a pin, names another version than is installed.

    There may be false positives, since only types tell a pin from other text, but no false negatives.
    """
    versions: dict[str, set[int]] = {}
    for part in plugins.registry:
        versions.setdefault(part.name, set()).add(part.version)
        if locked.get(f"{part.kind}/{part.name}", part.version) != part.version:
            return True
    pins = (read_pin(text) for text in _texts(root))
    return any(pin is not None and pin[1] and versions.get(pin[0], {pin[1]}) != {pin[1]} for pin in pins)


def _texts(node: Node) -> Iterator[str]:
    match node:
        case Map():
            for entry in node.entries.values():
                yield from _texts(entry.node)
        case Items():
            for item in node.items:
                yield from _texts(item)
        case Scalar():
            if isinstance(node.value, str) and "@" in node.value:
                yield node.value
