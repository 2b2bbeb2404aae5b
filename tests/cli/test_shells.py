"""Real shells, in a terminal of their own: a key is pressed, and the line that results is read."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from attnforge.cli.completing.shells import SHELLS, script

pytestmark = pytest.mark.long

STARTS = {
    "bash": ["bash", "--noprofile", "--rcfile", "start", "-i"],
    "zsh": ["zsh", "-d", "-i"],  # which reads .zshrc of ZDOTDIR
    "fish": ["fish", "--no-config", "-i", "-C", "source start"],
}
KEYS = {
    "bash": """bind -x '"\\C-xd": echo "$READLINE_LINE|" > line'""",
    "zsh": "dump() { print -r -- \"$BUFFER|\" > line }; zle -N dump; bindkey '^Xd' dump",
    "fish": "bind \\cxd 'echo (commandline)\\| > line'",
}
"""Makes Control-X and d write the line, with a bar at its end."""
BEFORE = {"zsh": "autoload -Uz compinit; compinit -u\n"}
SECONDS = 60
TAB, DUMP, CLEAR = b"\t", b"\x18d", b"\x15"


class Terminal:
    """A shell in a terminal.

    Args:
        shell: Its name.
        folder: Its working folder, with the files that it reads.
    """

    def __init__(self, shell: str, folder: Path) -> None:
        (folder / "start").write_text(f"{BEFORE.get(shell, '')}{script(shell)}\n{KEYS[shell]}\n")
        shutil.copy(folder / "start", folder / ".zshrc")
        self.line = folder / "line"
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        env = {"PATH": path, "HOME": str(folder), "ZDOTDIR": str(folder), "TERM": "xterm", "LANG": "C.UTF-8"}
        env |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        self._process, self._screen = pty.fork()  # with a controlling terminal, which fish insists on
        if self._process == 0:
            os.chdir(folder)
            os.execvpe(STARTS[shell][0], STARTS[shell], env)
        self.press(b"", DUMP)  # waits until it reads keys

    def press(self, *keys: bytes) -> str:
        """The line after these keys."""
        self.line.unlink(missing_ok=True)
        shown = self._show(keys, lambda _: self.line.exists() and self.line.read_text().endswith("|\n"))
        assert self.line.exists(), shown
        return self.line.read_text().removesuffix("|\n")

    def shows(self, *keys: bytes, until: str) -> str:
        """What the screen shows after these keys, until it has a text."""
        return self._show(keys, lambda shown: until in shown)

    def _show(self, keys: Sequence[bytes], ready: Callable[[str], bool]) -> str:
        os.write(self._screen, b"".join(keys))
        shown, end = "", time.monotonic() + SECONDS
        while time.monotonic() < end and not ready(shown):
            if select.select([self._screen], [], [], 0.1)[0]:
                shown += os.read(self._screen, 65536).decode(errors="replace")
        return shown

    def close(self) -> None:
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._screen)


@pytest.fixture(params=list(SHELLS))
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    (tmp_path / "runs/first").mkdir(parents=True)
    (tmp_path / "runs/first/recipe.lock.yaml").write_text("extends: quickstart\n")
    started = Terminal(request.param, tmp_path)
    yield started
    started.close()


def test_a_key_completes_the_line(terminal: Terminal) -> None:
    for typed, completed in {
        "quicks": "quickstart ",
        "train damsm-sketch-birds-ind": "train damsm-sketch-birds-independent ",
        "train quickstart --smo": "train quickstart --smoke ",
        "train quickstart phases.gan.st": "train quickstart phases.gan.steps=",
        "train quickstart training.precision=b": "train quickstart training.precision=bf16 ",
        "sample runs/f": "sample runs/first ",
        "launch tr": "launch train ",
    }.items():
        assert terminal.press(CLEAR, f"attnforge {typed}".encode(), TAB, DUMP) == f"attnforge {completed}"


def test_a_second_press_lists_what_may_follow(terminal: Terminal) -> None:
    typed = b"attnforge train quickstart training.precision="
    shown = terminal.shows(CLEAR, typed, TAB, TAB, until="fp16")
    assert all(name in shown for name in ("auto", "bf16", "float32", "fp16"))
