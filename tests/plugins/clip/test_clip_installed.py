"""attnforge-clip as a wheel beside attnforge's: it is found, and says on the command line what it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from clean_environment import CleanEnvironment, build_wheel, clean_environment

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def environment(attnforge_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> CleanEnvironment:
    wheel = build_wheel(ROOT / "plugins" / "clip", tmp_path_factory.mktemp("wheels"))
    return clean_environment(tmp_path_factory.mktemp("clean") / "environment", attnforge_wheel, wheel)


def test_the_plugin_is_active_and_its_recipe_is_found(environment: CleanEnvironment, tmp_path: Path) -> None:
    listed = environment.run("attnforge", "plugins", "--json", cwd=tmp_path)
    assert "attnforge-clip" in listed.stdout
    shown = environment.run("attnforge", "components", "image-encoder", cwd=tmp_path)
    assert "clip" in shown.stdout
    recipes = environment.run("attnforge", "recipes", cwd=tmp_path)
    assert "quickstart-clip" in recipes.stdout


@pytest.mark.long
def test_missing_weights_are_an_error_before_anything_is_made(
    environment: CleanEnvironment, tmp_path: Path
) -> None:
    small = ("data.count=4", "data.test_count=2", "phases.gan.steps=1")
    failed = environment.run("attnforge", "train", "quickstart-clip", "--out", "run", *small, cwd=tmp_path)
    assert failed.returncode == 1
    assert "error[clip-weights-missing]" in failed.stderr
    assert "hf download openai/clip-vit-base-patch32 --local-dir weights/clip" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert list(tmp_path.iterdir()) == []
