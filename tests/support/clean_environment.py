"""Builds wheels, and environments that hold nothing of a checkout but the wheels that they are given."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NOT_DEPENDENCIES = ("attnforge", "_attnforge", "_editable_", "__editable__")
"""How the names begin in site-packages that an installation of this checkout leaves there."""


def build_wheel(project: Path, folder: Path) -> Path:
    """The wheel of a project folder, built into `folder` by hatchling as installed here, without network."""
    before = set(folder.glob("*.whl"))
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (path,) = set(folder.glob("*.whl")) - before
    return path


@dataclass(frozen=True)
class CleanEnvironment:
    """An environment with commands of its own."""

    scripts: Path
    """The folder of its commands, `python` among them."""
    packages: Path
    """The folder that the wheels were unpacked into."""

    def run(
        self, *words: str | Path, cwd: Path, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its commands in a folder; the first word is the command's name, such as `attnforge`.

        Args:
            words: The command and its arguments.
            cwd: The folder it runs in.
            variables: Set beside those of this process, of which Python's own and attnforge's are left out.
        """
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ATTNFORGE"))
        }
        command, *arguments = map(str, words)
        return subprocess.run(
            [str(self.scripts / command), *arguments],
            cwd=cwd,
            env={**kept, **(variables or {})},
            capture_output=True,
            text=True,
            check=False,
        )


def clean_environment(home: Path, *wheels: Path) -> CleanEnvironment:
    """Make an environment in `home` that holds these wheels and, beneath them, what is installed here.

    The dependencies are links to what this process runs with, without the editable installation of this
    checkout and of plugins, so that only a wheel can bring a package or an entry point of attnforge.
    """
    venv.create(home, with_pip=False)
    scheme = {"base": str(home), "platbase": str(home)}
    scripts = Path(sysconfig.get_path("scripts", vars=scheme))
    packages = Path(sysconfig.get_path("purelib", vars=scheme))
    _install(scripts / "python", *map(str, wheels))
    # Called so, since hypothesis reads the source of every module that does not lie below such a folder.
    dependencies = home / "dependencies" / "site-packages"
    dependencies.mkdir(parents=True)
    for part in Path(sysconfig.get_path("purelib")).iterdir():
        if not part.name.startswith(NOT_DEPENDENCIES) and part.suffix != ".pth":
            (dependencies / part.name).symlink_to(part)
    # Paths named in a .pth file come after the environment's own, so a wheel wins over a dependency.
    (packages / "dependencies.pth").write_text(f"{dependencies}\n")
    return CleanEnvironment(scripts, packages)


def install_in_place(environment: CleanEnvironment, project: Path) -> None:
    """Install a project folder so that changes in it count at once, as `pip install --editable` does."""
    _install(environment.scripts / "python", "--no-build-isolation", "--editable", str(project))


def _install(python: Path, *what: str) -> None:
    """Without network and without dependencies, since those are linked."""
    installer = shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv")
    assert installer is not None, "uv is missing; install with: make test"
    flags = ["--quiet", "--offline", "--no-deps", "--python", str(python)]
    subprocess.run([installer, "pip", "install", *flags, *what], check=True)
