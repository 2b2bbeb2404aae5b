"""Which measured values tables and plots show."""

from __future__ import annotations

from attnforge.evaluate.headlines import chance, headlines, lines, title

METRICS = {
    "captions": 500,
    "R-precision": 0.7,
    "R-precision deviation": 0.1,
    "R-precision chance": 0.01,
    "R-precision note": "scored by the run's own encoders",
    "attribute accuracy": 0.6,
    "attribute accuracy body": 0.8,
    "R-precision (encoders 0123abcd)": 0.5,
    "R-precision (encoders 0123abcd) chance": 0.01,
}


def test_a_value_by_other_encoders_is_no_part_of_that_by_a_runs_own() -> None:
    names = ["R-precision", "attribute accuracy", "R-precision (encoders 0123abcd)"]
    assert headlines(METRICS) == names
    assert [title(name, names) for name in names] == names


def test_lines_have_shares_chance_levels_and_deviations_in_one_unit() -> None:
    assert lines({**METRICS, "FD": 12.34567}) == [
        "captions: 500",
        "R-precision: 70.0% ± 10.0% (chance 1.0%)",
        "R-precision note: scored by the run's own encoders",
        "attribute accuracy: 0.600",
        "attribute accuracy body: 0.800",
        "R-precision (encoders 0123abcd): 50.0% (chance 1.0%)",
        "FD: 12.346",
    ]
    assert (chance("R-precision", METRICS), chance("attribute accuracy", METRICS)) == ("1.0", "")
