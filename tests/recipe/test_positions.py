"""Every planted fault is reported with its line, its column and what would have been right."""

from __future__ import annotations

import pytest
from small_recipes import WHOLE, Kitchen, changed

FAULTS = [
    ("scale: 2", "scael: 2", "unknown-key", "scael", "`scale`"),
    ("summary: small", "sumary: small", "unknown-key", "sumary", "`summary`"),
    ("{seed: 3}", "{sead: 3}", "unknown-key", "sead", "`seed`"),
    ("heads: 2", "head: 2", "unknown-key", "head", "`heads`"),
    ("dim: 16", "dim: '16'", "wrong-type", "'16'", "integer"),
    ("dim: 16", "dim: 1.5", "wrong-type", "1.5", "integer"),
    ("dim: 16", "dim: true", "wrong-type", "true", "integer"),
    ("dim: 16", "dim: [16]", "wrong-type", "[16]", "integer"),
    ("dim: 16", "cell: lstn", "bad-value", "lstn", "`lstm`"),
    ("scale: 2", "flip: 1", "wrong-type", "1}", "boolean"),
    ("scale: 2", "flip: yes", "wrong-type", "yes", "boolean"),
    ("scale: 2", "scale: 2_0", "wrong-type", "2_0", "number"),
    ("scale: 2", "colours: [red, 3]", "wrong-type", "3]", "string"),
    ("{seed: 3}", "{seed: -3}", "bad-value", "-3", "greater than or equal to 0"),
    ("steps: 10", "steps: 0", "bad-value", "0}", "greater than or equal to 1"),
    ("image: looker", "image: loker", "unknown-component", "loker", "`looker`"),
    ("image: looker", "image: reader", "wrong-kind", "reader", "looker"),
    ("image: looker", "image: 3", "wrong-type", "3", "the name of an image-encoder: looker"),
    ("image: looker", "image: {layers: 3}", "missing-use", "{layers", "looker"),
    ("{use: term, weight: 5}", "nameless", "component-signature", "nameless", None),
    ("{use: term, weight: 5}", "vanished", "component-import", "vanished", None),
    ("{use: birds, scale: 2}", "fish", "missing-value", "fish", None),
    ("{use: birds, scale: 2}", "{use: fish, pond: p, depth: 0}", "bad-value", "0}", "greater than 0"),
    ("- step\n", "- step: 1\n", "missing-use", "step: 1", "step"),
    ("{task: play, steps: 10}", "{task: play}", "phase-length", "match", "exactly one"),
    (
        "{task: play, steps: 10}",
        "{task: play, steps: 1, epochs: 1}",
        "phase-length",
        "epochs: 1}",
        "exactly one",
    ),
    ("{task: play, steps: 10}", "{steps: 10}", "missing-value", "{steps: 10}", "task"),
    ("{task: play, steps: 10}", "play", "wrong-type", "play\n", "a map"),
    ("image: looker", "image: looker\nimage: looker", "duplicate-key", "image: looker\ngen", "once"),
    ("dim: 16", "dim: 16, dim: 17", "duplicate-key", "dim: 17", "once"),
    ("dim: 16", "dim: !!python/name:os.system ''", "bad-yaml", "!!python", None),
    ("dim: 16", "dim: !!int x", "bad-yaml", "!!int", None),
    ("dim: 16}", "dim: 16", "bad-yaml", ": looker", None),
    ("summary: small", "summary: '\\ud800'", None, None, None),
    ("summary: small", 'summary: "\\ud800"', "bad-yaml", '"\\ud800"', None),
]


@pytest.mark.parametrize(("old", "new", "code", "at", "expected"), FAULTS)
def test_a_fault_is_found_where_it_was_planted(
    kitchen: Kitchen, old: str, new: str, code: str | None, at: str, expected: str | None
) -> None:
    text = changed(old, new)
    if code is None:
        kitchen.resolve(text)
        return
    problem = kitchen.problems(text)[0]
    place = problem.place
    assert problem.code == code
    assert place is not None
    assert place.source.endswith("recipe.yaml")
    assert place.line is not None
    assert place.column is not None
    written = "".join(text.splitlines(keepends=True)[place.line - 1 :])
    assert written[place.column - 1 :].startswith(at)
    assert place.excerpt == text.splitlines()[place.line - 1]
    assert expected is None or expected in (problem.expected or "")


def test_all_problems_are_reported_at_once(kitchen: Kitchen) -> None:
    text = WHOLE.replace("dim: 16", "dim: x").replace("image: looker", "image: loker").replace("seed", "sede")
    text = text.replace("steps: 10", "steps: 10, steps: 11").replace("tokenizer: words\n", "")
    problems = kitchen.problems(text, "nonsense", "phases.match.batch_size=0")
    assert kitchen.problems(text, "nonsense", "phases.match.batch_size=0") == problems  # of a known text, too
    codes = [problem.code for problem in problems]
    assert sorted(codes) == [
        "bad-override",
        "bad-value",
        "duplicate-key",
        "missing-value",
        "unknown-component",
        "unknown-key",
        "wrong-type",
    ]


def test_an_error_shows_the_line_with_a_caret(kitchen: Kitchen) -> None:
    said = str(kitchen.only(changed("dim: 16", "dim: '16'")))
    assert "text: {use: reader, dim: '16'}" in said
    rows = said.splitlines()
    under = next(row for row in rows if "^" in row)
    above = rows[rows.index(under) - 1]
    assert above[under.index("^") : under.rindex("^") + 1] == "'16'"


def test_a_fault_inside_a_list_value_has_the_place_of_the_item(kitchen: Kitchen) -> None:
    problem = kitchen.only(
        changed("{task: play, steps: 10}", "{task: {use: play, betas: [0.5, x]}, steps: 1}")
    )
    assert problem.message.startswith("`phases.match.task.betas.1`")
    assert problem.place is not None
    assert problem.place.excerpt is not None
    assert problem.place.excerpt[problem.place.column - 1 :].startswith("x]")  # type: ignore[operator]


def test_a_missing_root_value_says_which_kind_it_needs(kitchen: Kitchen) -> None:
    problem = kitchen.only(WHOLE.replace("tokenizer: words\n", ""))
    assert problem.code == "missing-value"
    assert "tokenizer" in problem.message
    assert problem.next_step == "attnforge components tokenizer"
