"""What others build on changes only where a diff of `public-surface.txt` shows it."""

from __future__ import annotations

import ast
import difflib
import re
from pathlib import Path

import pytest
from public_names import described
from public_surface import FILE, PROMISED, PROVISIONAL, surface


def test_the_public_surface_is_what_was_written_down() -> None:
    now, before = surface(), FILE.read_text()
    diff = difflib.unified_diff(
        before.splitlines(), now.splitlines(), FILE.name, "the code", lineterm="", n=0
    )
    assert now == before, "\n".join(["if this is meant, write it down with: make surface", *diff])


def test_the_page_of_versions_names_the_same_modules(root: Path) -> None:
    page = (root / "docs" / "reference" / "versions.md").read_text()
    promised, _, provisional = page.partition("**Provisional**")
    module = re.compile(r"`(attnforge(?:\.[a-z_]+)+)`")
    assert sorted(set(module.findall(promised)) - {"attnforge.plugin.API_VERSION"}) == sorted(PROMISED)
    assert sorted(set(module.findall(provisional))) == sorted(PROVISIONAL)


def test_plugins_use_nothing_that_a_third_party_could_not(
    sources: dict[Path, ast.Module], root: Path
) -> None:
    private = {
        f"{path.relative_to(root)} imports {module}"
        for path, tree in sources.items()
        if path.relative_to(root).parts[0] == "plugins"
        for module in _imported(tree, root)
        if module != "attnforge" and module not in (*PROMISED, *PROVISIONAL)
    }
    assert sorted(private) == []


def _imported(tree: ast.Module, root: Path) -> set[str]:
    """The modules of attnforge that a module imports, those for type checkers too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names if one.name.split(".")[0] == "attnforge"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "attnforge":
            outer = str(node.module)
            inner = {f"{outer}.{one.name}" for one in node.names}
            modules = {one for one in inner if root.joinpath(*one.split(".")).with_suffix(".py").is_file()}
            found |= modules if modules and outer not in PROMISED else {outer}
    return found


SMALL = """
from dataclasses import dataclass
from small.inner import Late, hidden

__all__ = ["CONSTANT", "Fields", "Late", "free"]

CONSTANT: int = 1

@dataclass(frozen=True, kw_only=True)
class Fields(Base):
    first: int
    second: str = "x"
    _private: int = 0

def free(one: int, *, two: bool = False) -> str: ...
def unlisted() -> None: ...
"""
INNER = """
class Late:
    def __init__(self, size: int) -> None: ...
    def method(self, given: float) -> None: ...
    @property
    def length(self) -> int: ...
    def _own(self) -> None: ...
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "__init__.py").write_text(SMALL)
    (folder / "inner.py").write_text(INNER)
    return tmp_path


def test_names_are_described_with_all_that_a_user_may_write(package: Path) -> None:
    assert set(described("small", package)) == {
        "name small.CONSTANT: int",
        "class small.Fields(*, first, second='x', _private=0) of Base",
        "name small.Fields.first: int",
        "name small.Fields.second: str",
        "class small.Late(size: int)",
        "def small.Late.method(given: float) -> None",
        "property small.Late.length: int",
        "def small.free(one: int, *, two: bool=False) -> str",
    }
    assert next(iter(described("small.inner", package))) == "class small.inner.Late(size: int)"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("__init__.py", "two: bool", "three: bool"),
        ("__init__.py", '"Late", ', ""),
        ("__init__.py", 'str = "x"', 'str = "y"'),
        ("inner.py", "given: float", "given: int"),
        ("inner.py", "length", "size"),
    ],
)
def test_a_change_of_a_name_is_seen(package: Path, file: str, old: str, new: str) -> None:
    before = list(described("small", package))
    path = package / "small" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert list(described("small", package)) != before
