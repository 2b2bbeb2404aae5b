"""Explains components: provider, place, spec and options."""

from __future__ import annotations

import inspect
from typing import Any

from attnforge.explain.specs import handed
from attnforge.explain.tables import table
from attnforge.explain.topic import Explanation
from attnforge.plugin import Component, PluginCatalogue
from attnforge.recipe.options import MISSING, Option
from attnforge.recipe.values import dump
from attnforge.recipe.wording import default_in_words, inner_options, slot_of, type_in_words


def explain_component(component: Component, plugins: PluginCatalogue) -> Explanation:
    """Explain a component; its class is imported.

    Raises:
        PluginError: the class cannot be imported, or its constructor's types cannot be expressed in a recipe.
    """
    target = plugins.registry.load(component)
    owner = plugins.owner(component)
    file, line = _source(target)
    options = [_option(name, option, plugins) for name, option in inner_options(target)]
    facts = {
        "topic": "component",
        "kind": component.kind,
        "name": component.name,
        "summary": component.summary,
        "version": component.version,
        "plugin": owner.name,
        "distribution": owner.distribution,
        "distribution_version": owner.version,
        "migrations": component.migrations,
        "target": component.target,
        "file": file,
        "line": line,
        "text": inspect.getdoc(target) or "",
        "handed": handed(target),
        "options": options,
    }
    return Explanation(f"{component.kind}/{component.name}: {component.summary}", _text(facts), facts)


def _option(name: str, option: Option, plugins: PluginCatalogue) -> dict[str, Any]:
    kind = slot_of(option.shape)
    needed = option.default is MISSING
    plain = None if needed or kind else _plain(option)
    return {
        "name": name,
        "type": type_in_words(option.shape),
        "needed": needed,
        "default": plain,
        "default_in_words": default_in_words(option),
        "meaning": option.summary,
        "kind": kind,
        "components": list(plugins.registry.names(kind)) if kind else [],
    }


def _plain(option: Option) -> Any:
    adapter = getattr(option.shape, "adapter", None)
    default = dump(adapter, option.default) if adapter is not None else None
    return default if isinstance(default, bool | int | float | str | list | dict) else None


def _source(target: type) -> tuple[str | None, int | None]:
    """The file and the line of a class; None for a class without a file."""
    try:
        return inspect.getsourcefile(target), inspect.getsourcelines(target)[1]
    except (OSError, TypeError):
        return None, None


def _text(facts: dict[str, Any]) -> str:
    place = f"{facts['file']}:{facts['line']}" if facts["file"] else "without a file"
    parts = [
        f"version {facts['version']}, of plugin {facts['plugin']} "
        f"({facts['distribution']} {facts['distribution_version']})\n{facts['target']}\n{place}",
        _before_arguments(facts["text"]),
    ]
    if facts["handed"]:
        fields = [(field["name"], field["type"], field["meaning"]) for field in facts["handed"]["fields"]]
        title = f"attnforge passes it {_a(facts['handed']['name'])}:"
        parts.append(f"{title}\n{table(('field', 'type', 'meaning'), fields)}")
    if facts["options"]:
        rows = [
            (
                option["name"],
                option["type"],
                "required" if option["needed"] else option["default_in_words"],
                option["meaning"],
            )
            for option in facts["options"]
        ]
        parts.append(f"options:\n{table(('option', 'type', 'default', 'meaning'), rows)}")
    else:
        parts.append("It has no options.")
    slots = {option["kind"]: option["components"] for option in facts["options"] if option["kind"]}
    lines = [f"  {kind}: {', '.join(names) or 'none is installed'}" for kind, names in slots.items()]
    parts.append("\n".join(["components for its slots:", *lines]) if lines else "")
    return "\n\n".join(part for part in parts if part)


def _before_arguments(text: str) -> str:
    """A docstring without its `Args:`, which are in the table of options."""
    lines = text.splitlines()
    if "Args:" not in lines:
        return text
    start = lines.index("Args:")
    after = next((at for at in range(start + 1, len(lines)) if lines[at][:1].strip()), len(lines))
    return "\n".join([*lines[:start], *lines[after:]]).strip()


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
