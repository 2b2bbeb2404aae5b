"""The tracker `wandb` online, where it cannot be: every reason is an error, and nobody is asked anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from attnforge_wandb.tracker import WandbTracker

from attnforge.errors import AttnforgeError, RunError
from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.specs import TrackerSpec

KEY = "0123456789" * 4
ROOT = Path(__file__).parents[3]
AT_A_TERMINAL = """
import os, pty, sys
ours, theirs = pty.openpty()
os.dup2(theirs, 0), os.dup2(theirs, 2)
assert sys.stdin.isatty() and sys.stderr.isatty()
os.write(ours, bytes([4]))  # whoever asks is told that there will be no answer
from attnforge.errors import RunError
from attnforge.specs import TrackerSpec
from attnforge_wandb.tracker import WandbTracker
try:
    WandbTracker(TrackerSpec(run=sys.argv[1], recipe={}), mode="online")
except RunError as error:
    print(error)
assert sys.stdin.isatty()  # nothing of the process was changed for good
sys.stderr.flush()
os.set_blocking(ours, False)
print("shown:", os.read(ours, 65536))
"""


def test_no_key_is_an_error_and_no_question_even_at_a_terminal(tmp_path: Path) -> None:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "plugins" / "wandb")])
    asked = subprocess.run(
        [sys.executable, "-c", AT_A_TERMINAL, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    said, _, shown = asked.stdout.partition("shown:")
    assert "error[wandb-no-key]" in said
    assert f"wandb login && attnforge train --resume {tmp_path}" in said
    assert "mode: offline" in said
    assert "choice" not in shown
    assert "key" not in shown.lower()


@pytest.mark.parametrize(("key", "code"), [("short", "wandb-refused"), (KEY, "wandb-unreachable")])
def test_a_server_that_cannot_be_used_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, code: str
) -> None:
    import wandb

    monkeypatch.setenv("WANDB_API_KEY", key)
    wandb.teardown()
    try:
        with pytest.raises(RunError) as caught:
            WandbTracker(TrackerSpec(run=str(tmp_path), recipe={}), mode="online")
    finally:
        wandb.teardown()
    [problem] = caught.value.problems
    assert problem.code == code
    assert "mode: offline" in str(problem.expected)
    assert key not in str(problem)
    assert problem.next_step == f"attnforge train --resume {tmp_path}"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("project=a/b", "pattern"),
        ("mode=sometimes", "offline"),
        ("tags=first", "array"),
        ("colour=red", "mode"),
    ],
)
def test_an_invalid_recipe_is_refused_with_its_place(setting: str, expected: str) -> None:
    import attnforge_wandb.plugin as wandb_plugin

    plugins = load_plugins(extra=[("wandb", wandb_plugin)])
    with pytest.raises(AttnforgeError) as caught:
        resolve("quickstart-wandb", overrides=[f"trackers.wandb.{setting}"], plugins=plugins)
    [problem] = caught.value.problems
    assert problem.place is not None
    assert expected in str(problem)
