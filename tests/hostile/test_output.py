"""An output that is closed, full or of another encoding is no reason for a traceback."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from commands import ATTNFORGE

LOOKING = (
    ["--help"],
    ["recipes"],
    pytest.param(["components"], marks=pytest.mark.long),  # a table, as of recipes
    ["plugins", "--json"],
    ["show", "quickstart", "summary=é"],
    ["validate", "nothing"],
    pytest.param(["explain", "unknown-key"], marks=pytest.mark.long),  # text, as of show
)


@pytest.mark.parametrize("words", LOOKING, ids=lambda words: words[0])
@pytest.mark.parametrize("closed", ["out", "err", "both", "pipe", "full"])
def test_an_output_that_cannot_be_written(words: list[str], closed: str) -> None:
    line = " ".join(
        ["exec", '"$0"', '"$@"', {"out": ">&-", "err": "2>&-", "both": ">&- 2>&-"}.get(closed, "")]
    )
    if closed == "full":
        line += " >/dev/full"
    shell = ["sh", "-c", line, *ATTNFORGE, *words]
    process = subprocess.Popen(shell, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    if closed == "pipe":
        process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.stdout.close()
    process.wait()
    assert process.returncode in (0, 1, 2)
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    if closed == "pipe" and words[0] != "validate":  # the reader, such as `head`, has seen enough
        assert err == ""
    if closed == "full" and process.returncode == 1 and words[0] != "validate":
        assert "error[disk-full]" in err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_character_can_be_said_in_any_encoding(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    override = "summary=é → \U0001f426"
    done = subprocess.run(
        [*ATTNFORGE, "validate", "quickstart", f"{override}", "nöthing=1"],
        capture_output=True,
        env=environment,
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    listed = subprocess.run([*ATTNFORGE, "components", "--json"], capture_output=True, env=environment)
    assert json.loads(listed.stdout.decode(encoding))
    assert subprocess.run([*ATTNFORGE, "components"], capture_output=True, env=environment).returncode == 0
