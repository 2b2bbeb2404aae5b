"""Every name in the code is defined: linters let the letters of shapes pass, and so all undefined names."""

from __future__ import annotations

import json
import subprocess
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECKED = ("attnforge", "plugins", "benchmarks", "docs")


def test_no_name_outside_of_shapes_is_undefined() -> None:
    command = [
        *(sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821"),
        *("--output-format", "json", "--exit-zero", *CHECKED),
    ]
    report = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    undefined = [
        f"{finding['filename']}:{finding['location']['row']}: {finding['message']}"
        for finding in json.loads(report)
        if not is_in_a_string(Path(finding["filename"]), **finding["location"])
    ]
    assert undefined == []


def is_in_a_string(path: Path, *, row: int, column: int) -> bool:
    """Whether a place, counted from 1, lies within a string, as shapes do."""
    with tokenize.open(path) as file:
        tokens = list(tokenize.generate_tokens(file.readline))
    place = (row, column - 1)
    return any(token.type == tokenize.STRING and token.start <= place < token.end for token in tokens)


def test_a_string_is_told_from_code(tmp_path: Path) -> None:
    source = tmp_path / "shapes.py"
    source.write_text('def f(a: Float[Tensor, "b c"]) -> None:\n    return undefined\n')
    assert is_in_a_string(source, row=1, column=26)
    assert not is_in_a_string(source, row=2, column=12)
