"""The kit is tested by components that break one promise each: that check fails, and no other."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from broken import (
    adversarial,
    attention,
    encoders,
    further,
    general,
    generators,
    losses,
    metrics,
    networks,
    sampling,
    texts,
)
from broken.mutant import Mutant

from attnforge.plugin import KINDS
from attnforge.testing import checks_of, run

MODULES = (
    general,
    networks,
    attention,
    encoders,
    generators,
    adversarial,
    losses,
    texts,
    metrics,
    sampling,
    further,
)
MUTANTS = [mutant for module in MODULES for mutant in module.MUTANTS]


SLOW = {"compile", "recipe_round_trip", "json_schema_agrees"}
"""Checks that cannot know what a forward pass does, or take long; those of the long test run them all."""
BESIDE = 3
"""Of the checks that a mutant passes, the ordinary tests run one in so many, others for the next mutant."""


def broken(mutant: Mutant, *, without: Collection[str] = ()) -> set[str]:
    """The checks that a mutant fails."""
    only = [check.name for check in checks_of(mutant.kind) if check.name not in without]
    report = run(f"{mutant.kind}/{mutant.name}", plugins=mutant.catalogue(), only=only)
    assert {*report.passed, *report.failed} == set(only)
    return set(report.failed)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_broken_promise_fails_exactly_its_check(mutant: Mutant) -> None:
    expected = {mutant.check, *mutant.also}
    skipped = {"compile"} if mutant in general.MUTANTS else SLOW
    others = [check.name for check in checks_of(mutant.kind) if check.name not in skipped | expected]
    kept = others[MUTANTS.index(mutant) % BESIDE :: BESIDE]
    assert broken(mutant, without=skipped.union(others) - expected - {*kept}) == expected


@pytest.mark.long
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_no_check_of_all_fails_beside_it(mutant: Mutant) -> None:
    assert broken(mutant) == {mutant.check, *mutant.also}


@pytest.mark.parametrize("kind", KINDS)
def test_every_check_has_a_mutant(kind: str) -> None:
    of_kind = {kind: {check.function: check.name for check in checks_of(kind)} for kind in KINDS}
    tested = {
        function
        for mutant in MUTANTS
        for function, name in of_kind[mutant.kind].items()
        if name == mutant.check
    }
    assert {name for function, name in of_kind[kind].items() if function not in tested} == set()


def test_every_exception_is_explained() -> None:
    assert all(reason.strip() for mutant in MUTANTS for reason in mutant.also.values())
