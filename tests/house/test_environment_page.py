"""Every environment variable of attnforge is on the page of environment variables, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

VARIABLE = re.compile(r"ATTNFORGE_[A-Z_]+")


def test_the_page_has_exactly_the_variables_of_the_source(
    sources: dict[Path, ast.Module], root: Path
) -> None:
    used = {
        node.value
        for tree in sources.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and VARIABLE.fullmatch(node.value)
    }
    page = (root / "docs" / "reference" / "environment.md").read_text()
    explained = re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)
    assert "ATTNFORGE_BLOCK" in used
    assert sorted(explained) == sorted(used)
