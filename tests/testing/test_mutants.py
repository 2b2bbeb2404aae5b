"""The kit is tested by components that break one promise each: that check fails, and no other."""

from __future__ import annotations

import pytest
from broken import attention, drawing, encoders, general, judging, networks, playing, texts
from broken.mutant import Mutant

from attnforge.plugin import KINDS
from attnforge.testing import checks_of, run

MODULES = (general, networks, attention, encoders, drawing, playing, texts, judging)
MUTANTS = [mutant for module in MODULES for mutant in module.MUTANTS]


def broken(mutant: Mutant, *, compiling: bool) -> set[str]:
    """The checks that a mutant fails; compiling takes long and is left out where it is not the matter."""
    names = [check.name for check in checks_of(mutant.kind)]
    only = [name for name in names if name != "compile" or compiling]
    report = run(f"{mutant.kind}/{mutant.name}", plugins=mutant.catalogue(), only=only)
    assert {*report.kept, *report.broken} == set(only)
    return set(report.broken)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_broken_promise_fails_exactly_its_check(mutant: Mutant) -> None:
    found = broken(mutant, compiling=mutant.check == "compile")
    assert found == {mutant.check, *mutant.also}


@pytest.mark.long
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_broken_promise_is_kept_when_compiled(mutant: Mutant) -> None:
    assert broken(mutant, compiling=True) == {mutant.check, *mutant.also}


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
