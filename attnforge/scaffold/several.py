"""What a plugin of several components has besides a module for each: lists of them, and one recipe."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from attnforge.plugin import KINDS
from attnforge.scaffold.names import Names
from attnforge.scaffold.summaries import SUMMARIES

_HEAD = """\
# The quickstart with all components of this plugin.
extends: quickstart
summary: Images from the components of `${plugin}`, in minutes on two CPU cores.
"""
_DECLARATION = """\
        Component(
            kind="{kind}",
            name="{component}",
            target="{package}.{module}:{class_name}",
            summary="{summary}",
        ),"""
_NEW_COMPONENT = re.compile(r"\$\{(component|recipe_name)\}")


def kinds_listed(names: Names) -> str:
    """The kinds of the components, such as `generator, discriminator and loss`."""
    *others, last = [part.kind for part in names.parts]
    return f"{', '.join(others)} and {last}" if others else last


def lists_of_parts(names: Names) -> dict[str, str]:
    """What the templates of the plugin list, by the names of their placeholders: a line or more for each."""
    lines: dict[str, list[str]] = defaultdict(list)
    for part in names.parts:
        kind, summary, meaning = part.kind, SUMMARIES[part.kind], KINDS[part.kind].summary
        test = f"the conformance checks for every {kind}, and tests of this one"
        declaration = _DECLARATION.format(
            kind=kind,
            component=part.component,
            package=names.package,
            module=part.module,
            class_name=part.class_name,
            summary=summary,
        )
        lines["declarations"].append(declaration)
        lines["components"].append(f"- the {kind} `{part.component}`: {summary}")
        lines["commands"].append(f"$ attnforge components {kind}")
        lines["rows"].append(f"| `{names.package}/{part.module}.py` | the {kind}: {meaning} |")
        lines["tests"].append(f"| `tests/test_{part.module}.py` | {test} |")
    return {name: "\n".join(texts) for name, texts in lines.items()}


def merged_recipe(templates: Sequence[str]) -> str:
    """One template of a recipe from those of several kinds; where two differ, a new component wins."""
    merged: dict[str, _Section] = {}
    for template in templates:
        body = _sections(template)
        for key in ("extends", "summary"):
            body.pop(key)
        _merge(merged, body)
    return _HEAD + "".join(f"{line}\n" for line in _lines(merged))


@dataclass(frozen=True, slots=True)
class _Section:
    """A line of YAML and the lines below it, by key or by position in a list."""

    line: str
    children: dict[str, _Section] = field(default_factory=dict)


def _sections(text: str) -> dict[str, _Section]:
    root = _Section("")
    open_sections = [(-1, root)]
    for line in text.splitlines():
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        while open_sections[-1][0] >= indent:
            open_sections.pop()
        siblings = open_sections[-1][1].children
        key = str(len(siblings)) if content.startswith("- ") else content.partition(":")[0]
        siblings[key] = _Section(line)
        open_sections.append((indent, siblings[key]))
    return root.children


def _merge(merged: dict[str, _Section], others: dict[str, _Section]) -> None:
    for key, section in others.items():
        if key not in merged or _NEW_COMPONENT.search(section.line):
            merged[key] = section
        else:
            _merge(merged[key].children, section.children)


def _lines(sections: dict[str, _Section]) -> list[str]:
    return [line for section in sections.values() for line in (section.line, *_lines(section.children))]
