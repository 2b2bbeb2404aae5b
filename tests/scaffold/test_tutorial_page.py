"""The tutorial about plugins, followed to the letter: commands run, changes apply, output is as shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from clean_environment import CleanEnvironment, clean_environment, install_in_place
from scaffolding import TWO_STEPS

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "write-a-plugin.md"
FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", flags=re.MULTILINE | re.DOTALL)
AUTHOR = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A reader"), ("EMAIL", "reader@example.org"))
}


class Reader:
    """Types what the page says, in an environment that holds attnforge and nothing else of it."""

    def __init__(self, environment: CleanEnvironment, folder: Path) -> None:
        self.environment = environment
        self.folder = folder
        self.typed: list[str] = []

    def follow(self, language: str, text: str) -> None:
        """Do what a block says; blocks of plain text only show something."""
        if language == "console":
            for command, shown in _commands(text):
                self.type(command, shown)
        elif language == "diff":
            self._must("git", "apply", "-", given=text)
        elif language == "yaml":
            name, _, rest = text.removeprefix("# ").partition("\n")
            (self.folder / name).write_text(rest)

    def type(self, command: str, shown: list[str]) -> None:
        """Run a command and look for every line that the page shows; where one says FAILED, it must fail."""
        self.typed.append(command)
        words = shlex.split(command)
        if words[0] == "cd":
            self.folder = self.folder / words[1]
        elif words[0] == "git":
            self._must(*words)
        elif words[0] == "pip":
            install_in_place(self.environment, self.folder)
        else:
            if words[:2] == ["attnforge", "train"]:
                words[3:3] = TWO_STEPS
            done = self.environment.run(*words, cwd=self.folder, variables={"OMP_NUM_THREADS": "1"})
            fails = any(line.startswith("FAILED") for line in shown)
            assert (done.returncode != 0) == fails, f"{command}\n{done.stdout}{done.stderr}"
            assert [line for line in shown if line not in done.stdout] == [], done.stdout

    def _must(self, *words: str, given: str | None = None) -> None:
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={**os.environ, **AUTHOR, "GIT_CEILING_DIRECTORIES": str(self.folder.parent)},
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def _commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the output that is shown after it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield command, shown


@pytest.mark.long
@pytest.mark.timeout(1200)  # a dozen commands that import torch, and three sessions of pytest
def test_the_tutorial_leads_from_nothing_to_a_trained_recipe(attnforge_wheel: Path, tmp_path: Path) -> None:
    reader = Reader(clean_environment(tmp_path / "environment", attnforge_wheel), tmp_path)
    for block in FENCE.finditer(PAGE.read_text(encoding="utf-8")):
        reader.follow(block["language"], block["text"])
    assert reader.folder == tmp_path / "gated-attention"
    assert (reader.folder / "runs" / "pixel-gates" / "report.html").is_file()
    assert sum(command.startswith("python -m pytest") for command in reader.typed) == 3
