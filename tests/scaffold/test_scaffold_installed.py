"""A new plugin, built as a wheel and installed beside attnforge's, keeps its promises and trains."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from clean_environment import build_wheel, clean_environment
from scaffolding import COMBINATIONS, TWO_STEPS

from attnforge.plugin import KINDS, load_plugins
from attnforge.scaffold import name_plugin, write_project
from attnforge.storage.folder import RunFolder

ROOT = Path(__file__).parents[2]
STEMS = {"attention": "gated"}
"""The name without the kind; plugins/gated-attention is the plugin of the tutorial."""


@pytest.mark.long
@pytest.mark.parametrize("kinds", [*((kind,) for kind in KINDS), *COMBINATIONS], ids=" ".join)
def test_a_new_plugin_passes_its_tests_and_trains_as_installed(
    kinds: tuple[str, ...], attnforge_wheel: Path, tmp_path: Path
) -> None:
    kind = kinds[0]
    names = name_plugin(f"{STEMS.get(kind, 'tried')}-{kind}", kinds=kinds, plugins=load_plugins())
    project = tmp_path / names.plugin
    if kinds in ((stem,) for stem in STEMS):
        shutil.copytree(ROOT / "plugins" / names.plugin, project)
    else:
        write_project(names, tmp_path)
    (tmp_path / "wheels").mkdir()
    wheel = build_wheel(project, tmp_path / "wheels")
    environment = clean_environment(tmp_path / "environment", attnforge_wheel, wheel)
    threads = {"OMP_NUM_THREADS": "1"}

    tested = environment.run("python", "-m", "pytest", "-q", cwd=project, variables=threads)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert " passed" in tested.stdout

    checked = environment.run("attnforge", "plugins", "check", names.plugin, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    validated = environment.run("attnforge", "validate", names.plugin, cwd=tmp_path)
    assert validated.returncode == 0, validated.stderr
    trained = environment.run(
        "attnforge", "train", names.plugin, *TWO_STEPS, "--out", "run", cwd=tmp_path, variables=threads
    )
    assert trained.returncode == 0, trained.stderr
    steps = {(row["phase"], row["step"]) for row in RunFolder(tmp_path / "run").scalars()}
    assert steps == {("damsm", 1), ("damsm", 2), ("gan", 1), ("gan", 2)}
