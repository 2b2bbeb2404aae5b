"""Runs the whole suite on every Python that pyproject.toml promises, with the lowest and newest dependencies.

    python tests/support/promised_versions.py [--python 3.12] [--versions lowest] [ARGUMENTS OF PYTEST]

Each environment is kept in `.versions/` with what was installed and what pytest printed. A Python that is
not on the search path is named and left out. The exit code is 1 when a test failed or nothing could be run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".versions"
INSTALLER = str(Path(sysconfig.get_path("scripts")) / "uv")
RESOLUTIONS = {
    "lowest": ("--resolution", "lowest-direct", "--constraint", "requirements/lowest.txt"),
    "newest": ("--resolution", "highest"),
}
"""What makes the installer take the lowest or the newest versions that are promised."""


def promised_pythons(project: Path) -> list[str]:
    """Every minor version of Python 3 that a pyproject.toml admits, such as `3.11`."""
    admitted = SpecifierSet(tomllib.loads(project.read_text())["project"]["requires-python"])
    return [f"3.{minor}" for minor in range(100) if admitted.contains(f"3.{minor}")]


def interpreter(python: str) -> Path | None:
    """Where this machine has a Python, or None."""
    search = [INSTALLER, "python", "find", "--no-python-downloads", "--no-project", "--system", python]
    done = subprocess.run(search, capture_output=True, text=True, check=False)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def install(python: str, base: Path, versions: str) -> Path:
    """Make an environment of its own on a Python, and give its interpreter."""
    environment = FOLDER / f"{python}-{versions}"
    requirements = FOLDER / f"{environment.name}.txt"
    FOLDER.mkdir(exist_ok=True)
    groups = ("--group", "pyproject.toml:dev", "--group", "pyproject.toml:installer")
    resolve = [
        "pip",
        "compile",
        "--quiet",
        "--python-version",
        python,
        "--no-emit-index-url",
        "pyproject.toml",
    ]
    _run(*resolve, *groups, *RESOLUTIONS[versions], "--upgrade", "--output-file", str(requirements))
    _run("venv", "--quiet", "--clear", "--python", str(base), str(environment))
    own = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    _run("pip", "install", "--quiet", "--python", str(own), "--requirement", str(requirements))
    editable = ("--no-deps", "--no-build-isolation", "--editable", ".")
    _run("pip", "install", "--quiet", "--python", str(own), *editable)
    return own


def tested(python: str, base: Path, versions: str, arguments: Sequence[str]) -> tuple[bool, str]:
    """Run the suite; whether all went well, and pytest's last line."""
    own = install(python, base, versions)
    log = FOLDER / f"{python}-{versions}.log"
    command = [str(own), "-m", "pytest", "-n", "2", "-m", "not long", "-p", "no:cacheprovider", *arguments]
    with log.open("w") as file:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        code = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=ROOT)
    lines = log.read_text().splitlines()
    return code.returncode == 0, lines[-1].strip("= ") if lines else "pytest printed nothing"


def outcomes(pythons: Sequence[str], versions: Sequence[str], arguments: Sequence[str]) -> Iterator[bool]:
    """Run every combination and print what came of it; whether each went well."""
    for python in pythons:
        base = interpreter(python)
        if base is None:
            print(f"Python {python}: not on the search path, left out", flush=True)
            continue
        for choice in versions:
            try:
                well, summary = tested(python, base, choice, arguments)
            except subprocess.CalledProcessError as error:
                well, summary = False, f"cannot be installed: {error.stderr.strip()}"
            print(f"Python {python}, {choice} versions: {summary}", flush=True)
            yield well


def _run(*words: str) -> None:
    subprocess.run(
        [INSTALLER, *words],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    pythons = promised_pythons(ROOT / "pyproject.toml")
    parser.add_argument("--python", action="append", choices=pythons, help="this one alone; repeatable")
    parser.add_argument("--versions", action="append", choices=list(RESOLUTIONS), help="these alone")
    options, arguments = parser.parse_known_args()
    results = list(outcomes(options.python or pythons, options.versions or list(RESOLUTIONS), arguments))
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
