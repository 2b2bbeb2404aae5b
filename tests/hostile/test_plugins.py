"""Plugins that do everything a plugin must not: each is survived and charged by name."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from commands import ATTNFORGE

from attnforge.plugin import hookimpl, load_plugins
from attnforge.plugin.hooks import Failure, Hooks

HEAD = "from attnforge.plugin import hookimpl\n"
AT_IMPORT = {
    "raises-base": "class Odd(BaseException): pass\nraise Odd('gone')",
    "unprintable": "class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd",
    "unprintable-base": "class Odd(BaseException):\n    def __str__(self): raise SystemExit\nraise Odd",
    "leaves": "import sys; sys.exit(7)",
    "closes-stdout": "import sys; sys.stdout.close(); sys.stderr.close(); raise ValueError('closed')",
    "closes-descriptors": "import os; os.close(1); os.close(2); raise ValueError('closed')",
    "closes-the-first": "import sys; sys.__stdout__.close(); raise ValueError('closed')",
    "replaces-stdout": "import sys; sys.stdout = sys.stderr = None; raise ValueError('replaced')",
    "raises-in-a-hook": HEAD + "class Odd(BaseException): pass\n"
    "@hookimpl\ndef attnforge_components():\n    raise Odd('late')",
}
PRINTS = """
import os, subprocess, sys
from attnforge.plugin import hookimpl
print("from the import")
sys.stdout.buffer.write(b"as bytes")
os.write(1, b"to the descriptor")
subprocess.run(["echo", "from a child"])

@hookimpl
def attnforge_components():
    print("from a hook")
    return []
"""


def installed(folder: Path, name: str, body: str) -> None:
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(body)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[attnforge]\n{name} = {module}\n")


def attnforge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ATTNFORGE, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", AT_IMPORT)
def test_a_plugin_that_breaks_the_process_while_it_is_loaded_is_disabled(tmp_path: Path, name: str) -> None:
    installed(tmp_path, name, AT_IMPORT[name])
    done = attnforge(tmp_path, "plugins", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows[name]["state"] == "disabled"
    assert rows[name]["reason"]
    assert rows["attngan"]["state"] == "loaded"
    assert "quickstart" in attnforge(tmp_path, "--help").stdout


def test_what_a_plugin_prints_while_it_is_loaded_leaves_json_alone(tmp_path: Path) -> None:
    installed(tmp_path, "talks", PRINTS)
    done = attnforge(tmp_path, "components", "attention", "--json")
    assert {row["name"] for row in json.loads(done.stdout)} >= {"word"}
    for text in ("from the import", "as bytes", "to the descriptor", "from a child", "from a hook"):
        assert text in done.stderr


def test_a_plugin_that_takes_long_is_named_while_it_does(tmp_path: Path) -> None:
    installed(tmp_path, "sleeps", "import time, os\nwhile not os.path.exists('go'): time.sleep(0.01)")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [*ATTNFORGE, "recipes"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()  # comes while it sleeps
        (tmp_path / "go").touch()
        assert process.wait(60) == 0
    assert "waiting for the import of plugin sleeps" in line
    assert "--no-plugin sleeps" in line


def test_a_trace_names_the_plugin_that_ends_the_process(tmp_path: Path) -> None:
    installed(tmp_path, "ends", "import os; os._exit(9)")
    done = attnforge(tmp_path, "recipes")
    assert done.returncode == 9
    tracing = subprocess.run(
        [*ATTNFORGE, "recipes"],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "ATTNFORGE_TRACE_HOOKS": "1"},
        capture_output=True,
        text=True,
    )
    assert tracing.stderr.splitlines()[-1].startswith("import ends: ends")
    assert attnforge(tmp_path, "--no-plugin", "ends", "recipes").returncode == 0


@pytest.mark.parametrize(
    "damage", [b"\xff\xfe", b"no section\n", b"[attnforge]\n= = =\n[", b"[attnforge]\nx = !!\n"]
)
def test_a_damaged_package_hides_no_other(tmp_path: Path, damage: bytes) -> None:
    installed(tmp_path, "whole", HEAD)
    installed(tmp_path, "damaged", HEAD)
    (tmp_path / "damaged-1.0.dist-info/entry_points.txt").write_bytes(damage)
    done = attnforge(tmp_path, "plugins", "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row["state"] for row in json.loads(done.stdout)}
    assert rows["whole"] == "loaded"
    assert rows["attngan"] == "loaded"


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00", b"", b"Requires-Dist: attnforge; nothing == 'x'\n"])
def test_a_package_whose_metadata_is_damaged_still_loads(tmp_path: Path, damage: bytes) -> None:
    installed(tmp_path, "damaged", HEAD)
    (tmp_path / "damaged-1.0.dist-info/METADATA").write_bytes(damage)
    done = attnforge(tmp_path, "plugins", "--json")
    assert done.returncode == 0, done.stderr
    assert {row["name"]: row["state"] for row in json.loads(done.stdout)}["damaged"] == "loaded"


def hooks_of(**functions: Callable[..., Any]) -> Hooks:
    """The hooks of plugins that each hear the end of a step."""
    extra = []
    for name, function in functions.items():
        module = ModuleType(name)
        function.__name__ = "attnforge_step_end"
        vars(module)["attnforge_step_end"] = hookimpl(function)
        extra.append((name, module))
    return load_plugins(extra=extra, installed=False).hooks


def step(hooks: Hooks, scalars: dict[str, float]) -> list[Failure]:
    """One step's end; gives who was charged for what."""
    failures: list[Failure] = []
    hooks.with_listener(failures.append).call("attnforge_step_end", phase="gan", step=1, scalars=scalars)
    return failures


def test_a_hook_that_clears_the_scalars_clears_its_own() -> None:
    seen: list[dict[str, float]] = []
    scalars = {"loss": 1.0}
    hooks = hooks_of(clears=lambda scalars: scalars.clear(), sees=lambda scalars: seen.append(dict(scalars)))
    assert step(hooks, scalars) == []
    assert scalars == {"loss": 1.0}
    assert seen == [{"loss": 1.0}]


CHANGES: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "the gradient mode": (lambda: torch.set_grad_enabled(False), torch.is_grad_enabled),
    "the default dtype": (lambda: torch.set_default_dtype(torch.float64), torch.get_default_dtype),
    "the default device": (lambda: torch.set_default_device("meta"), torch.get_default_device),
    "the precision of matrix products": (
        lambda: torch.set_float32_matmul_precision("medium"),
        torch.get_float32_matmul_precision,
    ),
    "the choice of deterministic algorithms": (
        lambda: torch.use_deterministic_algorithms(True),
        torch.are_deterministic_algorithms_enabled,
    ),
    "the number of threads": (
        lambda: torch.set_num_threads(torch.get_num_threads() + 1),
        torch.get_num_threads,
    ),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("raises", [False, True])
def test_globals_of_torch_that_a_hook_changes_are_put_back(name: str, raises: bool) -> None:
    change, read = CHANGES[name]
    before = read()

    def changes() -> None:
        change()
        if raises:
            raise ValueError("afterwards")

    try:
        (failure,) = step(hooks_of(changing=changes), {})
        assert read() == before
    finally:
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    assert failure.plugin == "changing"
    assert ("afterwards" if raises else name) in str(failure)


def test_a_slow_hook_is_named_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attnforge.plugin.contained.SLOW_SECONDS", 0.01)
    told: list[str] = []

    def slow() -> None:
        end = time.monotonic() + 60
        while not hooks.slow and time.monotonic() < end:
            time.sleep(0.01)
        told.append("through")

    hooks = hooks_of(slow=slow)
    for _ in range(2):
        assert step(hooks, {}) == []
    assert told == ["through", "through"]
    assert capsys.readouterr().err.count("waiting for attnforge_step_end of plugin slow") == 1
