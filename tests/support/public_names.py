"""The public names of a module with their signatures, read from its source without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def described(module: str, root: Path) -> Iterator[str]:
    """A line for every public name of a module, and for every public member of its classes.

    Args:
        module: Its dotted name.
        root: The folder that its package lies in.
    """
    tree = _tree(module, root)
    for name in _names(tree):
        node, home = _definition(name, module, root)
        yield from _lines(f"{module}.{name}", node, home)


def _tree(module: str, root: Path) -> ast.Module:
    path = root.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(), str(file))


def _names(tree: ast.Module) -> list[str]:
    """What `__all__` lists, or else every public name that the module itself defines."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return [name for node in tree.body for name in _defines(node) if not name.startswith("_")]


def _defines(node: ast.stmt) -> list[str]:
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.name]
        case ast.Assign():
            names = (name for target in node.targets for name in ast.walk(target))
            return [one.id for one in names if isinstance(one, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _definition(name: str, module: str, root: Path) -> tuple[ast.stmt | None, str]:
    """The statement that defines a name and the module it stands in; None for what comes from elsewhere."""
    tree = _tree(module, root)
    for node in tree.body:
        if name in _defines(node):
            return node, module
        if isinstance(node, ast.ImportFrom) and any((one.asname or one.name) == name for one in node.names):
            (alias,) = [one for one in node.names if (one.asname or one.name) == name]
            if not (node.module or "").startswith(module.split(".")[0]):
                return None, node.module or ""
            return _definition(alias.name, str(node.module), root)
    return None, module


def _lines(path: str, node: ast.stmt | None, home: str) -> Iterator[str]:
    match node:
        case ast.ClassDef():
            yield f"class {path}({_constructor(node)}){_bases(node)}"
            for member in node.body:
                yield from _member(path, member)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield f"def {path}{_signature(node)}"
        case ast.AnnAssign():
            yield f"name {path}: {ast.unparse(node.annotation)}"
        case ast.Assign():
            yield f"name {path}"
        case _:
            yield f"name {path} of {home}"


def _member(path: str, member: ast.stmt) -> Iterator[str]:
    match member:
        case ast.FunctionDef(name=name) if not name.startswith("_") or name in ("__call__", "__iter__"):
            if any(ast.unparse(one) in ("property", "cached_property") for one in member.decorator_list):
                yield f"property {path}.{name}: {ast.unparse(member.returns) if member.returns else ''}"
            else:
                yield f"def {path}.{name}{_signature(member)}"
        case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith("_"):
            yield f"name {path}.{name}: {ast.unparse(member.annotation)}"


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    arguments = ast.unparse(node.args)
    rest = arguments.partition(", ")[2] if arguments.split(",")[0] in ("self", "cls") else arguments
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({rest}){returns}"


def _constructor(node: ast.ClassDef) -> str:
    """The arguments of `__init__`, or the fields of a dataclass in order, or nothing."""
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            return _signature(member).rpartition(") -> ")[0].removeprefix("(")
    decorators = [ast.unparse(one) for one in node.decorator_list]
    if not any(one.split("(")[0].split(".")[-1] == "dataclass" for one in decorators):
        return ""
    fields = [
        f"{ast.unparse(one.target)}={ast.unparse(one.value)}" if one.value else ast.unparse(one.target)
        for one in node.body
        if isinstance(one, ast.AnnAssign)
        and "ClassVar" not in ast.unparse(one.annotation)
        and "init=False" not in (ast.unparse(one.value) if one.value else "")
    ]
    keyword = any("kw_only=True" in one for one in decorators)
    return ", ".join(["*", *fields] if keyword and fields else fields)


def _bases(node: ast.ClassDef) -> str:
    names = [ast.unparse(base) for base in node.bases if ast.unparse(base).partition("[")[0] != "Protocol"]
    return f" of {', '.join(names)}" if names else ""
