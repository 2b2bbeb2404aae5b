"""Launch shapes are timed one by one, and a shape whose results are wrong never counts."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
import tune_launches
from launch_candidates import candidates, groups

from attnforge.kernels.word_attention import programs


def test_shapes_of_a_program_are_timed_in_the_interpreter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = programs.attend
    assert tune_launches.main(["--small", "--only", "attend", "--out", str(tmp_path)]) == 0
    assert programs.attend is before
    with (tmp_path / "launches.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 4
    assert rows[0]["shape"].endswith("(table)")
    assert all(float(row["milliseconds"]) > 0 and float(row["error"]) < 2e-5 for row in rows)
    assert not any(row["note"] for row in rows)
    assert "(table)" in capsys.readouterr().out


def test_wrong_results_are_noted_and_never_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    group = groups(torch.device("cpu"), small=True)[1]
    call = tune_launches.recorded(group, launched=True)
    monkeypatch.setattr(
        tune_launches, "answers", lambda call, options, names: [torch.ones(2) * (2 if options else 1)]
    )
    shape = next(candidates(group, call.constants))
    row = tune_launches.timed(group, call, shape, own=False)
    assert row.note == "wrong results"
    assert row.shape not in tune_launches.best_of(group.label, [row])


@pytest.mark.long
def test_every_group_varies_what_its_launch_says() -> None:
    for group in groups(torch.device("cpu")):
        call = tune_launches.recorded(group, launched=False)
        own, *others = tune_launches.shapes_of(group, call)
        assert len(others) >= 3
        assert all(shape.keys() == own.keys() and shape != own for shape in others)
        assert own.items() <= call.constants.items()
