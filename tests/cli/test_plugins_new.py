"""`attnforge plugins new`: writes a plugin, says what to type next."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnforge.cli import run


def test_it_writes_the_plugin_and_says_what_to_type_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["plugins", "new", "gated-attention", "--kind", "attention"]) == 0
    said = capsys.readouterr().out.splitlines()
    listed = {line.strip() for line in said[1 : said.index("next:")]}
    written = {str(path.relative_to("gated-attention")) for path in Path("gated-attention").rglob("*.*")}
    assert listed == {path for path in written if Path("gated-attention", path).is_file()} | {"LICENSE"}
    assert [line.strip() for line in said[said.index("next:") + 1 :]] == [
        "cd gated-attention",
        'pip install --editable ".[testing]"',
        "python -m pytest",
        "attnforge plugins check gated-attention",
        "attnforge validate gated-attention",
        "attnforge train gated-attention",
    ]


def test_several_kinds_make_one_plugin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        run(
            [
                "plugins",
                "new",
                "tried-gan",
                "--kind",
                "generator",
                "--kind",
                "discriminator",
                "--kind",
                "loss",
            ]
        )
        == 0
    )
    first = capsys.readouterr().out.splitlines()[0]
    assert first == (
        "tried-gan: the generator, discriminator and loss `tried-gan`, the recipe `tried-gan` and their tests"
    )
    assert (tmp_path / "tried-gan" / "tests" / "test_discriminator.py").is_file()


def test_kinds_that_do_not_combine_write_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["plugins", "new", "tried", "--kind", "generator", "--kind", "attention"]) == 1
    assert "error[kinds-conflict]" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "my plugins" / "new"
    assert run(["plugins", "new", "gated-attention", "--kind", "attention", "--folder", str(folder)]) == 0
    assert (folder / "gated-attention" / "pyproject.toml").is_file()


def test_writing_twice_is_an_error_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["plugins", "new", "gated-attention", "--kind", "attention"]
    assert run(arguments) == 0
    assert run(arguments) == 1
    assert "error[folder-taken]" in capsys.readouterr().err
