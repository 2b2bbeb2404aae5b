"""The built wheel, installed alone in a clean environment, brings everything that the commands need."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from clean_environment import CleanEnvironment, clean_environment

PACKAGES = {
    "attnforge": "attnforge",
    "attnforge_attngan": "plugins/attngan/attnforge_attngan",
    "attnforge_sketch_birds": "plugins/sketch_birds/attnforge_sketch_birds",
    "attnforge_folder": "plugins/folder/attnforge_folder",
    "attnforge_cub": "plugins/cub/attnforge_cub",
    "attnforge_coco": "plugins/coco/attnforge_coco",
    "attnforge_encoders": "plugins/encoders/attnforge_encoders",
    "attnforge_metrics": "plugins/metrics/attnforge_metrics",
    "attnforge_r3gan": "plugins/r3gan/attnforge_r3gan",
    "attnforge_rat_gan": "plugins/rat_gan/attnforge_rat_gan",
    "attnforge_ssa_gan": "plugins/ssa_gan/attnforge_ssa_gan",
    "attnforge_df_gan": "plugins/df_gan/attnforge_df_gan",
    "attnforge_reed": "plugins/reed/attnforge_reed",
    "attnforge_gan_int_cls": "plugins/gan_int_cls/attnforge_gan_int_cls",
    "attnforge_gawwn": "plugins/gawwn/attnforge_gawwn",
    "attnforge_stackgan": "plugins/stackgan/attnforge_stackgan",
    "attnforge_plug_and_play": "plugins/plug_and_play/attnforge_plug_and_play",
    "attnforge_machine": "plugins/machine/attnforge_machine",
    "attnforge/_captions": "captions",
    "attnforge/_recipes": "recipes",
}


@pytest.fixture(scope="module")
def environment(attnforge_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> CleanEnvironment:
    """An environment that holds the wheel and, beneath it, the dependencies."""
    return clean_environment(tmp_path_factory.mktemp("clean") / "environment", attnforge_wheel)


def test_the_wheel_holds_every_file_of_every_package(
    attnforge_wheel: Path, root: Path, files: list[Path]
) -> None:
    held = set(zipfile.ZipFile(attnforge_wheel).namelist())
    wanted = {
        f"{package}/{path.relative_to(root / folder).as_posix()}"
        for package, folder in PACKAGES.items()
        for path in files
        if root / folder in path.parents
    }
    assert "attnforge/_recipes/quickstart.yaml" in wanted
    assert sorted(wanted - held) == []


def test_the_installed_wheel_is_what_runs(environment: CleanEnvironment, tmp_path: Path) -> None:
    found = environment.run("python", "-c", "import attnforge; print(attnforge.__file__)", cwd=tmp_path)
    assert environment.packages in Path(found.stdout.strip()).parents


def test_it_lists_the_shipped_recipes_and_validates_one_from_an_empty_folder(
    environment: CleanEnvironment, tmp_path: Path
) -> None:
    listed = environment.run("attnforge", "recipes", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "quickstart" in listed.stdout
    validated = environment.run("attnforge", "validate", "quickstart", cwd=tmp_path)
    assert validated.returncode == 0, validated.stderr
    assert list(tmp_path.iterdir()) == []


def test_it_explains_error_codes_from_an_empty_folder(environment: CleanEnvironment, tmp_path: Path) -> None:
    explained = environment.run("attnforge", "explain", "unknown-key", cwd=tmp_path)
    assert explained.returncode == 0, explained.stderr
    assert "no such key" in explained.stdout


def test_every_plugin_of_the_wheel_is_active(environment: CleanEnvironment, tmp_path: Path) -> None:
    listed = environment.run("attnforge", "plugins", "--json", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    shipped = (
        "attngan",
        "sketch-birds",
        "folder",
        "cub",
        "coco",
        "encoders",
        "r3gan",
        "machine",
        "df-gan",
        "stackgan",
        "plug-and-play",
        "rat-gan",
        "ssa-gan",
        "reed",
        "gan-int-cls",
        "gawwn",
    )
    assert all(name in listed.stdout for name in shipped)
