"""The built wheel, installed alone in a clean environment, brings everything that the commands need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

PACKAGES = {
    "attnforge": "attnforge",
    "attnforge_attngan": "plugins/attngan/attnforge_attngan",
    "attnforge_sketch_birds": "plugins/sketch_birds/attnforge_sketch_birds",
    "attnforge_folder": "plugins/folder/attnforge_folder",
    "attnforge_cub": "plugins/cub/attnforge_cub",
    "attnforge_coco": "plugins/coco/attnforge_coco",
    "attnforge_encoders": "plugins/encoders/attnforge_encoders",
    "attnforge/_recipes": "recipes",
}


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the wheel and, beneath it, the dependencies."""
    home = tmp_path_factory.mktemp("clean") / "environment"
    venv.create(home, with_pip=False)
    scheme = {"base": str(home), "platbase": str(home)}
    installer = shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv")
    assert installer is not None, "uv is missing; install with: make test"
    python = Path(sysconfig.get_path("scripts", vars=scheme)) / "python"
    subprocess.run(
        [
            installer,
            "pip",
            "install",
            "--quiet",
            "--offline",
            "--no-deps",
            "--python",
            str(python),
            str(wheel),
        ],
        check=True,
    )
    # Paths named in a .pth file come after the environment's own, and .pth files beneath them are not
    # read: the dependencies are seen, the editable installation of this checkout is not.
    own = Path(sysconfig.get_path("purelib", vars=scheme))
    (own / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def _run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(argument) for argument in arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_every_file_of_every_package(wheel: Path, root: Path, files: list[Path]) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"{package}/{path.relative_to(root / folder).as_posix()}"
        for package, folder in PACKAGES.items()
        for path in files
        if root / folder in path.parents
    }
    assert "attnforge/_recipes/quickstart.yaml" in wanted
    assert sorted(wanted - held) == []


def test_the_installed_wheel_is_what_runs(commands: Path, tmp_path: Path) -> None:
    found = _run(commands / "python", "-c", "import attnforge; print(attnforge.__file__)", cwd=tmp_path)
    assert commands.parent in Path(found.stdout.strip()).parents


def test_it_lists_the_shipped_recipes_and_validates_one_from_an_empty_folder(
    commands: Path, tmp_path: Path
) -> None:
    listed = _run(commands / "attnforge", "recipes", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "quickstart" in listed.stdout
    validated = _run(commands / "attnforge", "validate", "quickstart", cwd=tmp_path)
    assert validated.returncode == 0, validated.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_plugin_of_the_wheel_is_active(commands: Path, tmp_path: Path) -> None:
    listed = _run(commands / "attnforge", "plugins", "--json", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    shipped = ("attngan", "sketch-birds", "folder", "cub", "coco", "encoders")
    assert all(name in listed.stdout for name in shipped)
