"""Scripts of pages outside of a browser, in Node."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


def run_javascript(script: str) -> Any:
    """The value that a script gives to its function `result`, which may be called later, once."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node on the path")
    whole = f"const result = (value) => console.log(JSON.stringify(value));\n{script}"
    done = subprocess.run([node, "-"], input=whole, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def script_in(page: Path | str, name: str) -> str:
    """The text of a script element of a page, by its id."""
    text = page.read_text(encoding="utf-8") if isinstance(page, Path) else page
    (content,) = re.findall(rf'<script id="{name}"[^>]*>(.*?)</script>', text, flags=re.DOTALL)
    return str(content)
