"""Writes one page of the reference for each kind of component, from code alone.

    python docs/generate.py

The protocol and the spec are printed as they stand in the source, the example is what `attnforge plugins new`
writes, and the promises are those that `attnforge.testing` checks.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from types import ModuleType

from attnforge import interfaces, specs, values
from attnforge.interfaces import INTERFACES
from attnforge.plugin import KINDS, load_plugins
from attnforge.scaffold import Names, name_plugin, project_files
from attnforge.testing import checks_of

EXAMPLES = {
    "tokenizer": "punctuation",
    "text-encoder": "convolution",
    "image-encoder": "residual",
    "conditioner": "steady",
    "attention": "gated",
    "stage": "modulated",
    "generator": "single",
    "discriminator": "patches",
    "loss": "relativistic",
    "dataset": "shapes",
    "metric": "diversity",
    "tracker": "csv",
    "task": "contrastive",
    "kernel": "fused",
}
"""What the component of each page's example is called."""


def kind_pages() -> dict[str, str]:
    """The text of every page, by file name below docs/reference."""
    pages = {f"kinds/{kind}.md": kind_page(kind) for kind in KINDS}
    return {"kinds/index.md": index_page(), **pages}


def index_page() -> str:
    """All kinds with what they do."""
    rows = [f"| [`{kind}`]({kind}.md) | {meaning} |" for kind, meaning in KINDS.items()]
    parts = [
        "# Kinds of components\n",
        "What a plugin can bring. Each page has what a component of the kind promises, what it is given, a",
        "complete example, and the checks that hold it to its promises.",
        "`attnforge plugins new NAME --kind KIND` writes the example as a package of your own;",
        "[the tutorial](../../tutorial/write-a-plugin.md) goes on from there. What ships is listed under",
        "[components](../components.md).\n",
        "| Kind | What it does |",
        "|---|---|",
        *rows,
        "",
        "Shape letters, the same on every page: " + _letters() + "\n",
    ]
    return "\n".join(parts)


def kind_page(kind: str) -> str:
    """One kind: what it is given, what it promises, an example and its checks."""
    protocol = INTERFACES[kind]
    names = name_plugin(f"{EXAMPLES[kind]}-{kind}", kind=kind, plugins=load_plugins(installed=False))
    parts = [
        f"# {kind[0].upper()}{kind[1:].replace('-', ' ')}\n",
        f"A component of the kind `{kind}` {_does(kind)}.\n",
    ]
    parts += ["## What it promises\n", _source(protocol), ""]
    parts += list(_spec(protocol))
    parts += list(_travelling(protocol))
    parts += list(_example(names))
    parts += list(_checks(kind))
    parts += [f"The components of this kind that ship: [`{kind}`](../components.md#{kind}).\n"]
    return "\n".join(parts)


def _does(kind: str) -> str:
    """What a kind does, as the end of a sentence."""
    meaning = KINDS[kind]
    verbs = r"(turns|draws|brings|judges|carries|computes) "
    return meaning if re.match(verbs, meaning) else f"is this: {meaning}"


def _source(target: type) -> str:
    """A class as it stands in the source, without decorators that matter to no reader."""
    text = _lines(target).removeprefix("@runtime_checkable\n")
    return f"```python\n{text}\n```"


def _lines(target: type) -> str:
    """The source of a class with its decorators.

    `inspect.getsource` asks the class where it begins from Python 3.13 on, which a decorator that an import
    hook adds moves.
    """
    module = inspect.getsource(sys.modules[target.__module__])
    node = _class(ast.parse(module), target.__name__)
    begin = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(module.splitlines()[begin - 1 : node.end_lineno])


def _class(module: ast.Module, name: str) -> ast.ClassDef:
    """The class of that name at the top of a module."""
    (node,) = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == name]
    return node


def _spec(protocol: type) -> Iterator[str]:
    """The table of the spec that the protocol's constructor is handed."""
    yield "## What it is given\n"
    named = re.search(r"spec: (\w+)", inspect.getdoc(protocol) or "")
    if named is None:
        yield "No spec: its constructor takes only what a recipe says of it.\n"
        return
    spec = getattr(specs, named[1])
    yield f"An `attnforge.specs.{spec.__name__}`, before the `*` of its constructor. {_first(spec)}\n"
    yield "| Field | Type | Meaning |\n|---|---|---|"
    said = _said_below(specs, spec.__name__)
    for field in fields(spec):
        kind = str(field.type).replace("interfaces.", "").replace("|", "\\|")
        yield f"| `{field.name}` | `{kind}` | {said.get(field.name, '')} |"
    yield ""


def _travelling(protocol: type) -> Iterator[str]:
    """The values that its methods take and give, as they stand in the source."""
    text = _lines(protocol)
    seen = [
        name
        for name, one in vars(values).items()
        if inspect.isclass(one) and one.__module__ == values.__name__
    ]
    used = [getattr(values, name) for name in seen if re.search(rf"\b{name}\b", text)]
    used += [interfaces.AdversarialStep] if "AdversarialStep" in text else []
    if used:
        yield "## The values it meets\n"
        yield "From `attnforge.interfaces`:\n"
        for one in used:
            yield _source(one) + "\n"


def _example(names: Names) -> Iterator[str]:
    """The component that the scaffold writes, its declaration and a recipe that uses it."""
    files = project_files(names)
    yield "## A complete example\n"
    yield f"`attnforge plugins new {names.plugin} --kind {names.kind}` writes this, and what is around it.\n"
    for path, language in (
        (f"{names.package}/{names.module}.py", "python"),
        (f"{names.package}/plugin.py", "python"),
        (f"{names.package}/recipes/{names.plugin}.yaml", "yaml"),
        (f"tests/test_{names.plugin.replace('-', '_')}.py", "python"),
    ):
        yield f"`{path}`:\n"
        yield f"```{language}\n{files[path].rstrip()}\n```\n"


def _checks(kind: str) -> Iterator[str]:
    """The promises that the conformance kit holds a component of the kind to."""
    yield "## What is checked\n"
    yield f'`conformance("{kind}/NAME")` of `attnforge.testing` is a class with a test for each promise:\n'
    yield "| Test | Promise |\n|---|---|"
    for check in checks_of(kind):
        yield f"| `test_{check.name}` | {check.promise.replace('|', chr(92) + '|')} |"
    yield ""


def _first(target: type) -> str:
    """A docstring without the line breaks of the source."""
    return " ".join((inspect.getdoc(target) or "").split())


def _letters() -> str:
    """The sentence of the interfaces that explains shapes."""
    found = re.search(r"used everywhere: (.+?)\n\n", inspect.getdoc(interfaces) or "", flags=re.DOTALL)
    assert found is not None  # noqa: S101  (the docstring of this repository's own module)
    return " ".join(found[1].split())


def _said_below(module: ModuleType, name: str) -> dict[str, str]:
    """The text that stands below each field of a class."""
    owner = _class(ast.parse(inspect.getsource(module)), name)
    said = {}
    for field, text in zip(owner.body, owner.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(text, ast.Expr)
            and isinstance(field.target, ast.Name)
        ):
            said[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return said


if __name__ == "__main__":
    sys.exit("run docs/generate.py, which writes these pages with all others")
