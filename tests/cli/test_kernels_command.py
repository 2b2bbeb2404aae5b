"""`attnforge kernels` says what auto takes, and why others cannot run."""

from __future__ import annotations

import json

import pytest

from attnforge.cli import run
from attnforge.kernels import dispatch, gpu, listing
from attnforge.kernels.dispatch import VARIABLE


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[tuple[str, str], dict[str, str]]:
    assert run(["kernels", "--json", *arguments]) == 0
    listed = json.loads(capsys.readouterr().out)
    return {(row["operation"], row["kernel"]): row for row in listed}


@pytest.fixture(autouse=True)
def _compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton as users have it, without the interpreter of the tests."""
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.delenv(VARIABLE, raising=False)


def test_on_a_processor_auto_takes_the_blocks(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, "--device", "cpu")
    for operation in ("word-attention", "region-matching"):
        assert found[operation, "cpu"]["state"] == "auto"
        assert found[operation, "reference"]["state"] == "runs"
    assert found["region-matching", "plain"]["state"] == "runs"
    assert "a quarter of the memory" in found["region-matching", "plain"]["reason"]
    assert found["word-attention", "triton"]["state"] == "refuses"
    assert "the inputs are on the device `cpu`" in found["word-attention", "triton"]["reason"]


def test_what_a_type_of_numbers_rules_out_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, "--device", "cuda", "--dtype", "float64")
    reason = found["word-attention", "triton"]["reason"]
    assert reason == "it supports float32, bfloat16, float16, not float64"
    assert found["word-attention", "reference"]["state"] == "auto"


def test_kernels_of_plugins_are_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = {
        "ready": dispatch.Candidate("ready", "of a plugin", lambda _: None, print),
        "picky": dispatch.Candidate("picky", "of a plugin", lambda _: "it is Monday", print),
    }
    monkeypatch.setattr(
        listing, "offered", lambda operation: brought if operation == "word-attention" else {}
    )
    found = rows(capsys, "--device", "cpu")
    assert found["word-attention", "ready"]["state"] == "runs"
    assert found["word-attention", "picky"]["state"] == "refuses"
    assert found["word-attention", "picky"]["reason"] == "it is Monday"
    assert ("region-matching", "ready") not in found


def test_kernels_can_be_checked_in_the_interpreter(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setattr(gpu, "INTERPRETER_FAULT", None)
    assert rows(capsys, "--device", "cpu")["word-attention", "triton"]["state"] == "runs"
    monkeypatch.setattr(gpu, "INTERPRETER_FAULT", "it cannot read arrays")
    refused = rows(capsys, "--device", "cpu")["word-attention", "triton"]
    assert (refused["state"], refused["reason"]) == ("refuses", "it cannot read arrays")


def test_the_table_is_for_people_and_says_what_the_environment_names(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "reference")
    assert run(["kernels", "--device", "cpu"]) == 0
    said = capsys.readouterr()
    assert "word-attention" in said.out
    assert "plain torch, the definition" in said.out
    assert f"{VARIABLE}=reference applies wherever `auto` would choose" in said.err
    assert run(["kernels", "--dtype", "int4"]) == 2
