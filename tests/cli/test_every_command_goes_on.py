"""With plugins that are broken in every way, installed as packages, each command works as without them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from attnforge.cli import run

HEAD = "from attnforge.plugin import Component, hookimpl\n\n"
BROKEN = {
    "raises-at-import": ("raise OSError('no disk')", "OSError: no disk"),
    "leaves-at-import": ("raise SystemExit(0)", "SystemExit"),
    "misses-a-package": ("import nothing_of_this_name", "nothing_of_this_name"),
    "takes-a-name": (
        HEAD + "@hookimpl\ndef attnforge_components():\n"
        "    return [Component('attention', 'word', 'a.b:C', 'mine')]\n",
        "already by attngan",
    ),
    "takes-a-command": (
        HEAD + "@hookimpl\ndef attnforge_commands():\n    return {'train': 'a.b:command'}\n",
        "attnforge's own",
    ),
    "misspells-a-hook": (
        HEAD + "@hookimpl\ndef attnforge_component():\n    return []\n",
        "did you mean attnforge_components?",
    ),
    "raises-in-a-hook": (
        HEAD + "@hookimpl\ndef attnforge_recipes():\n    raise RuntimeError('no recipes today')\n",
        "no recipes today",
    ),
    "returns-nothing": (HEAD + "@hookimpl\ndef attnforge_components():\n    return None\n", "TypeError"),
}
"""What is wrong with a module, by the plugin's name, and what its reason says."""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path that holds broken plugins as packages with metadata."""
    for name, (body, _) in BROKEN.items():
        install(tmp_path, name, body, requires="attnforge>=0.1")
    install(tmp_path, "needs-another", "raise AssertionError('imported')", requires="attnforge>=99")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def install(folder: Path, name: str, body: str, *, requires: str) -> None:
    module = name.replace("-", "_")
    sys.modules.pop(module, None)
    (folder / f"{module}.py").write_text(body)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {requires}\n"
    )
    (info / "entry_points.txt").write_text(f"[attnforge]\n{name} = {module}\n")


@pytest.mark.usefixtures("packages")
def test_each_is_disabled_with_its_own_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    for name, (_, said) in BROKEN.items():
        assert rows[name]["state"] == "disabled"
        assert said in rows[name]["reason"], name
        assert rows[name]["version"] == "1.0"
    assert "it needs attnforge >=99" in rows["needs-another"]["reason"]
    assert rows["attngan"]["state"] == "loaded"


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], "quickstart"),
        (["components", "attention"], "word"),
        (["recipes"], "attngan2-cub"),
        (["show", "quickstart"], "summary"),
        (["validate", "quickstart"], "ok"),
        (["kernels"], "word-attention"),
        (["schema"], "draft-07"),
        (["explain", "attention/word"], "attngan"),
        (["plugins", "check", "folder"], "none failed"),
        (["doctor", "quickstart"], "no problems"),
        (["import", "--help"], "attngan"),
    ],
)
def test_every_command_goes_on(arguments: list[str], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert shown in capsys.readouterr().out


def test_a_package_that_imports_torch_slows_no_command_but_the_first(packages: Path) -> None:
    (packages / "torch.py").touch()  # the name is what counts, and the real one takes a while
    install(packages, "is-heavy", "import torch", requires="attnforge>=0.1")
    command = "import sys; from attnforge.cli import run; sys.exit(run(['plugins', '--json']))"
    done = subprocess.run(
        [sys.executable, "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(packages)},
    )
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert "is_heavy imports torch" in rows["is-heavy"]["reason"]
    assert rows["sketch-birds"]["state"] == "loaded"
