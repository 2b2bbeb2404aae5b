"""Generates one page of the reference for each kind of component from the code.

    python docs/generate.py

The protocol and the spec are copied from the source, the example is the output of `attnforge plugins new`,
and the checks are those of `attnforge.testing`.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from textwrap import fill
from types import ModuleType

from attnforge import interfaces, optional, specs, values
from attnforge.interfaces import INTERFACES
from attnforge.plugin import KINDS, load_plugins
from attnforge.scaffold import Names, name_plugin, project_files
from attnforge.testing import checks_of

LINE = 118
"""Characters of a line of prose."""
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
    "sampler": "spherical",
    "scorer": "smooth",
    "dataset": "shapes",
    "feature-network": "edges",
    "metric": "diversity",
    "tracker": "csv",
    "task": "contrastive",
    "kernel": "fused",
}
"""The name of the example component on each page."""
OPTIONAL: dict[str, tuple[type, ...]] = {
    "dataset": (optional.HasExtras,),
    "generator": (optional.SamplesCondition,),
    "discriminator": (optional.Embeds, optional.ScoresPairs),
    "loss": (optional.Varies, optional.Observing, optional.RegionMatcher),
    "metric": (optional.Ranks, optional.ScoresImages, optional.ComparesRealImages),
    "task": (optional.RegionMatcher,),
}
"""What a component of a kind may offer besides its interface."""


def _wrapped(text: str) -> str:
    return fill(text, LINE, break_long_words=False, break_on_hyphens=False)


def kind_pages() -> dict[str, str]:
    """The text of every page, by path below docs/reference."""
    pages = {f"kinds/{kind}.md": kind_page(kind) for kind in KINDS}
    return {"kinds/index.md": index_page(), **pages}


def index_page() -> str:
    """All kinds with their meaning."""
    rows = [f"| [`{kind.name}`]({kind.name}.md) | {kind.summary} |" for kind in KINDS.values()]
    parts = [
        "# Kinds of components\n",
        "The kinds of components that a plugin can provide. Each page has the interface of the kind, its",
        "spec, a complete example, and the checks of the conformance kit.",
        "`attnforge plugins new NAME --kind KIND` writes the example as a package, with several `--kind` the",
        "examples of all of them; [the tutorial](../../tutorial/write-a-plugin.md) continues from there.",
        "Shipped components are listed under [components](../components.md).\n",
        "| Kind | Meaning |",
        "|---|---|",
        *rows,
        "",
        _wrapped("Shape letters, the same on every page: " + _letters()) + "\n",
    ]
    return "\n".join(parts)


def kind_page(kind: str) -> str:
    """One kind: its interface, its spec, an example and its checks."""
    protocol = INTERFACES[kind]
    names = name_plugin(f"{EXAMPLES[kind]}-{kind}", kinds=[kind], plugins=load_plugins(installed=False))
    parts = [
        f"# {kind[0].upper()}{kind[1:].replace('-', ' ')}\n",
        f"A component of the kind `{kind}`: {KINDS[kind].summary}.\n",
    ]
    parts += ["## Interface\n", _source(protocol), ""]
    parts += list(_optional(kind))
    parts += list(_spec(protocol))
    parts += list(_values(protocol))
    parts += list(_example(names))
    parts += list(_checks(kind))
    parts += [f"Shipped components of this kind: [`{kind}`](../components.md#{kind}).\n"]
    return "\n".join(parts)


def _optional(kind: str) -> Iterator[str]:
    """The protocols that a component of the kind may implement besides its interface."""
    protocols = OPTIONAL.get(kind, ())
    if protocols:
        yield "Besides, it may offer, from `attnforge.optional`:\n"
        for protocol in protocols:
            yield _source(protocol) + "\n"


def _source(target: type) -> str:
    """The source of a class, without decorators that do not matter to readers."""
    text = _lines(target).removeprefix("@runtime_checkable\n")
    return f"```python\n{text}\n```"


def _lines(target: type) -> str:
    """The source of a class with its decorators.

    From Python 3.13 on, `inspect.getsource` asks the class for its first line, which a decorator that an
    import hook adds would move.
    """
    module = inspect.getsource(sys.modules[target.__module__])
    node = _class(ast.parse(module), target.__name__)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(module.splitlines()[first - 1 : node.end_lineno])


def _class(module: ast.Module, name: str) -> ast.ClassDef:
    """The class of that name at the top of a module."""
    (node,) = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == name]
    return node


def _spec(protocol: type) -> Iterator[str]:
    """The table of the spec that the protocol's constructor receives."""
    yield "## Spec\n"
    named = re.search(r"spec: (\w+)", inspect.getdoc(protocol) or "")
    if named is None:
        yield "No spec: its constructor takes only the options of a recipe.\n"
        return
    spec = getattr(specs, named[1])
    text = f"An `attnforge.specs.{spec.__name__}`, before the `*` of its constructor. {_first(spec)}"
    yield _wrapped(text) + "\n"
    yield "| Field | Type | Meaning |\n|---|---|---|"
    meanings = _field_docstrings(specs, spec.__name__)
    for field in fields(spec):
        kind = str(field.type).replace("interfaces.", "").replace("|", "\\|")
        yield f"| `{field.name}` | `{kind}` | {meanings.get(field.name, '')} |"
    yield ""


def _values(protocol: type) -> Iterator[str]:
    """The source of the values that its methods take and return."""
    text = _lines(protocol)
    classes = [
        value
        for value in vars(values).values()
        if inspect.isclass(value) and value.__module__ == values.__name__
    ]
    used = [value for value in classes if re.search(rf"\b{value.__name__}\b", text)]
    used += [interfaces.AdversarialStep] if "AdversarialStep" in text else []
    if used:
        yield "## Values\n"
        yield "From `attnforge.interfaces`:\n"
        for value in used:
            yield _source(value) + "\n"


def _example(names: Names) -> Iterator[str]:
    """The component that the scaffold writes, its declaration and a recipe that uses it."""
    files = project_files(names)
    yield "## A complete example\n"
    (part,) = names.parts
    command = f"attnforge plugins new {names.plugin} --kind {part.kind}"
    yield f"`{command}` writes this and the rest of the package.\n"
    for path, language in (
        (f"{names.package}/{part.module}.py", "python"),
        (f"{names.package}/plugin.py", "python"),
        (f"{names.package}/recipes/{names.plugin}.yaml", "yaml"),
        (f"tests/test_{names.plugin.replace('-', '_')}.py", "python"),
    ):
        yield f"`{path}`:\n"
        yield f"```{language}\n{files[path].rstrip()}\n```\n"


def _checks(kind: str) -> Iterator[str]:
    """The checks of the conformance kit for a component of the kind."""
    yield "## Checks\n"
    yield f'`conformance("{kind}/NAME")` of `attnforge.testing` has a test for each requirement:\n'
    yield "| Test | Requirement |\n|---|---|"
    for check in checks_of(kind):
        yield f"| `test_{check.name}` | {check.promise.replace('|', chr(92) + '|')} |"
    yield ""


def _first(target: type) -> str:
    """A docstring without the line breaks of the source."""
    return " ".join((inspect.getdoc(target) or "").split())


def _letters() -> str:
    """The sentence of the interfaces that explains shapes."""
    match = re.search(r"used everywhere: (.+?)\n\n", inspect.getdoc(interfaces) or "", flags=re.DOTALL)
    assert match is not None  # noqa: S101  (the docstring of this repository's own module)
    return " ".join(match[1].split())


def _field_docstrings(module: ModuleType, name: str) -> dict[str, str]:
    """The text below each field of a class."""
    owner = _class(ast.parse(inspect.getsource(module)), name)
    texts = {}
    for field, text in zip(owner.body, owner.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(text, ast.Expr)
            and isinstance(field.target, ast.Name)
        ):
            texts[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return texts


if __name__ == "__main__":
    sys.exit("run docs/generate.py, which writes these pages with all others")
