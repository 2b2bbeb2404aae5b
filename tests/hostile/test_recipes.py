"""Recipes and overrides that nobody meant: each ends in few problems that say where and what instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnforge.cli import run
from attnforge.errors import Problem, RecipeError, nearest
from attnforge.recipe import resolve
from attnforge.recipe.unexpanded import unexpanded

Said = pytest.CaptureFixture[str]


def problems(source: str | Path, *overrides: str) -> tuple[Problem, ...]:
    with pytest.raises(RecipeError) as caught:
        resolve(source, overrides=overrides)
    return caught.value.problems


def recipe(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("written", "meant"), [("exttends", "extends"), ("extens", "extends"), ("rqeuires", "requires")]
)
def test_a_mistyped_key_of_a_file_names_the_nearest(tmp_path: Path, written: str, meant: str) -> None:
    unknown = [
        one for one in problems(recipe(tmp_path, f"{written}: quickstart\n")) if one.code == "unknown-key"
    ]
    assert str(unknown[0].expected).startswith(f"`{meant}`;")


def test_thousands_of_problems_are_counted_and_not_printed(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def counted(name: str, known: list[str]) -> str | None:
        compared.append(name)
        return nearest(name, known)

    monkeypatch.setattr("attnforge.recipe.decode.nearest", counted)
    keys = "".join(f"key{number}: 1\n" for number in range(15_000))
    path = recipe(tmp_path, f"extends: quickstart\n{keys}")
    found = problems(path)
    assert len(compared) <= 40  # comparing each with every known key would take minutes
    assert found[-1].code == "more-problems"
    assert "14,960 more problems" in found[-1].message
    assert run(["validate", str(path)]) == 1
    shown = capsys.readouterr()
    assert "more than 40 problems" in shown.out
    assert len(shown.err) < 20_000


def test_a_list_that_is_too_long_is_refused_where_it_is(tmp_path: Path) -> None:
    path = recipe(tmp_path, f"summary: [{'1,' * 490_000}1]\n")
    (problem,) = problems(path)
    assert problem.message == "more than 20,000 values"
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (1, 40_007)


def test_aliases_that_expand_too_far_are_blamed_where_they_stand(tmp_path: Path) -> None:
    ten = ", ".join(["*a"] * 100)
    path = recipe(tmp_path, f"a: &a [{', '.join('1' * 100)}]\nb: &b [{ten}]\nc: [*b, *b, *b]\n")
    (problem,) = [one for one in problems(path) if one.code == "bad-yaml"]
    assert "aliases expand to more than 20,000 values" in problem.message
    assert problem.place is not None
    assert problem.place.line is not None


@pytest.mark.parametrize("number", ["1" * 5000, "0x" + "f" * 4000, "-" + "9" * 301])
@pytest.mark.parametrize("in_file", [False, True])
def test_numbers_of_thousands_of_digits(tmp_path: Path, number: str, in_file: bool) -> None:
    if in_file:
        found = problems(recipe(tmp_path, f"extends: quickstart\ntraining:\n  seed: {number}\n"))
    else:
        found = problems("quickstart", f"training.seed={number}")
    assert "digits; at most 300" in found[0].message
    assert found[0].place is not None
    assert found[0].place.line == (3 if in_file else 1)


def test_a_long_override_is_no_file_name(capsys: Said) -> None:
    assert run(["validate", "quickstart", f"summary={'x' * 5000}"]) == 0
    assert run(["validate", "x" * 5000]) == 1
    assert "unknown-recipe" in capsys.readouterr().err
    assert run(["train", "x" * 5000, "--resume"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_an_escape_beyond_the_last_character_has_a_line(tmp_path: Path) -> None:
    (problem,) = problems(recipe(tmp_path, 'extends: quickstart\nsummary: "x \\U00110000"\n'))
    assert "names a character that does not exist" in problem.message
    assert problem.place is not None
    assert problem.place.line == 2


@pytest.mark.parametrize(
    ("override", "column"), [("data.root=my images #2", 21), ("data.root=#2", 11), ("summary=[a, b] # c", 16)]
)
def test_a_comment_in_an_override_is_a_value_that_nobody_quoted(override: str, column: int) -> None:
    found = problems("quickstart", override)
    assert found[0].code == "bad-override"
    assert "comment" in found[0].message
    assert found[0].place is not None
    assert found[0].place.column == column


def test_what_is_quoted_or_no_comment_is_taken_whole() -> None:
    assert resolve("quickstart", overrides=['summary="my images #2"']).data()["summary"] == "my images #2"
    assert resolve("quickstart", overrides=["summary=images#2"]).data()["summary"] == "images#2"


def test_a_merge_key_says_what_does_what_it_would(tmp_path: Path) -> None:
    path = recipe(tmp_path, "extends: quickstart\ntraining: &t {seed: 1}\nsamples:\n  <<: *t\n  seed: 3\n")
    (problem,) = problems(path)
    assert problem.code == "merge-key"
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (4, 3)
    assert "extends" in str(problem.expected)


def test_what_a_shell_would_expand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/elsewhere/me")
    monkeypatch.setenv("DATA", "/data")
    assert unexpanded("~/x") == "/elsewhere/me/x"
    assert unexpanded("$DATA") == "/data"
    assert unexpanded("${DATA}/birds") == "/data/birds"
    for text in ("$NOT_SET_AT_ALL/x", "$DATAx", "a ~/x", "~", "$5 birds", "./~/x", "a red bird"):
        assert unexpanded(text) in (None, "/elsewhere/me" if text == "~" else None)


def test_paths_that_the_shell_left_as_they_are_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/elsewhere/me")
    monkeypatch.setenv("DATA", "/data")
    found = problems("quickstart", "data={use: folder, root: $DATA/birds}", "pretrained.encoders=~/runs/x")
    assert [one.code for one in found] == ["not-expanded"] * 2
    assert "`/data/birds`" in str(found[0].expected)
    assert run(["train", "quickstart", "--out=~/x"]) == 2
    assert "/elsewhere/me/x" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    resolve("quickstart", overrides=["summary='~/'"])  # a text, not a path
