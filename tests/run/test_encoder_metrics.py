"""Encoders are measured while they train, on captions of the test split, and the report has curves."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_run import tiny

from attnforge.evaluate.encoders import EncoderMetrics
from attnforge.report.curves import curves
from attnforge.run.changes import is_free
from attnforge.sampling.encoders import BOTH, saved_parts
from attnforge.storage.folder import RunFolder

NAMES = [f"recall/recall@{k} of {what}" for what in ("captions", "images") for k in (1, 5, 10)]


def test_the_recall_of_the_encoders_is_logged_at_the_end_of_their_phase(trained: Path) -> None:
    rows = [row for row in RunFolder(trained).scalars() if NAMES[0] in row]
    assert [(row["phase"], row["step"]) for row in rows] == [("damsm", 3)]
    assert [name for name in rows[0] if name.startswith("recall/")] == NAMES
    # the values are those of the weights that were saved at that step
    parts = saved_parts(trained / "checkpoints" / "damsm-0000003", holding=BOTH, device="cpu")
    again = EncoderMetrics(parts, parts.recipe.phases["damsm"]).values()
    assert {name: rows[0][name] for name in NAMES} == pytest.approx(again)
    assert 0 < again["recall/recall@10 of captions"] <= 1


def test_the_report_has_their_curves(trained: Path) -> None:
    (phase,) = (phase for phase in curves(RunFolder(trained).scalars()) if phase["phase"] == "damsm")
    (chart,) = (chart for chart in phase["charts"] if chart["title"] == "recall")
    assert [line["name"] for line in chart["series"]] == [name.partition("/")[2] for name in NAMES]


def test_measuring_does_not_change_what_is_trained() -> None:
    """It is not part of what determines the weights, so a resumed run may change it."""
    assert is_free("phases.damsm.evaluation.every")
    assert is_free("phases.damsm.evaluation.metrics.recall")
    assert not is_free("phases.damsm.task.learning_rate")
    recipe = tiny("phases.damsm.evaluation={every: 1, metrics: {recall: null}}").data()
    assert recipe["phases"]["damsm"]["evaluation"]["metrics"] == {}
