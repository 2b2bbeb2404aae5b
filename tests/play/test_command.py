"""`attnforge play` at the command line, up to the moment when it serves."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from attnforge.cli import run
from attnforge.play import serving
from attnforge.play.serving import listen


def test_a_taken_port_is_reported_before_a_run_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", 0).socket as taken:
        assert run(["play", "nowhere", "--port", str(taken.getsockname()[1])]) == 1
    assert "error[port-taken]" in capsys.readouterr().err
    assert run(["play", "nowhere", "--port", "0"]) == 1
    assert "error[no-such-run]" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
def test_without_the_extra_it_is_named(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    for module in ("attnforge.play.serving", "attnforge.play.app"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    assert run(["play", "nowhere"]) == 1
    printed = capsys.readouterr().err
    assert "error[play-not-installed]" in printed
    assert "pip install 'attnforge[play]'" in printed


def test_arguments_are_runs_and_keys_of_sampling(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "sampling.use=noise"]) == 2
    assert "Missing argument 'RUN'" in capsys.readouterr().err
    assert run(["play", str(trained), "generator.channels=8", "--port", "0"]) == 1
    assert "expected: a key of `sampling`" in capsys.readouterr().err


@pytest.mark.parametrize("token", ["short", "sixteen letters, and spaces", "sechzehn-Zeichen-ä"])
def test_a_token_that_can_be_guessed_is_refused(token: str) -> None:
    assert run(["play", "nowhere", "--token", token]) == 2


def test_a_page_for_others_has_a_token(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Started:
        def __init__(self, config: serving.uvicorn.Config) -> None:
            guards.append(config.app)

        def run(self, sockets: list[object]) -> None:
            del sockets[:]

    guards: list[object] = []
    monkeypatch.setattr(serving.uvicorn, "Server", Started)
    for host in ("127.0.0.1", "0.0.0.0"):
        assert run(["play", str(trained), "--port", "0", "--host", host, "--device", "cpu"]) == 0
    here, elsewhere = capsys.readouterr().out.splitlines()
    assert "?token=" not in here
    assert [getattr(guard, "token", "") is None for guard in guards] == [True, False]
    assert f"?token={getattr(guards[1], 'token')}" in elsewhere  # noqa: B009
