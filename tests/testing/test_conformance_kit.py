"""The kit as a plugin's author sees it: names of tests, reasons of skips, counts, and errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from broken import attention, general

from attnforge.errors import AttnforgeError, PluginError, RunError
from attnforge.plugin import KINDS, load_plugins
from attnforge.testing import checks_of, conformance, run
from attnforge.testing.examples import with_examples
from attnforge.testing.examples.catalogue import examples

EXAMPLES = with_examples(load_plugins(installed=False))
QUICK = {"compile", "plugin_module_imports_no_torch", "plugin_module_imports_quickly"}
"""Skipped for the examples: their module belongs to the kit, which imports torch."""

AUTHORS_TESTS = """
from attnforge.testing import conformance

TestKl = conformance("loss/kl", options={"weight": 2.0}, skip={"compile": "it takes a second"})
TestSentence = conformance("conditioner/sentence", skip={"compile": "it takes a second"})
TestOfficial = conformance(
    "attention/word", options={"mask": "official"}, skip={"compile": "it takes a second"}
)
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Pytest's output for an author's tests, without this repository's settings."""
    folder = tmp_path_factory.mktemp("author")
    (folder / "test_parts.py").write_text(AUTHORS_TESTS)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-rs", "test_parts.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_every_promise_is_a_test_with_its_name(session: list[str]) -> None:
    outcomes = [line.split()[0] for line in session if " PASSED" in line or " FAILED" in line]
    names = [f"test_parts.py::TestKl::test_{check.name}" for check in checks_of("loss")]
    assert [line for line in outcomes if "TestKl" in line] == [
        name for name in names if "compile" not in name
    ]


def test_pytest_points_at_the_authors_file_alone(session: list[str]) -> None:
    assert not [line for line in session if "<-" in line]


def test_the_official_mask_fails_by_name_with_an_example(session: list[str]) -> None:
    failed = {line.split("::")[-1].split()[0] for line in session if " FAILED" in line}
    assert failed == {
        "test_padding_gets_no_weight",
        "test_padded_positions_are_ignored",
        "test_batch_invariance",
    }
    message = next(
        index for index, line in enumerate(session) if line.startswith("E ") and "padding gets" in line
    )
    assert "inputs: features of shape [" in session[message + 1]
    assert not any("Falsifying example" in line for line in session)


def test_the_number_of_checks_is_printed(session: list[str]) -> None:
    count = len(checks_of("loss")) - 1
    assert f"loss/kl: {count} passed, 1 skipped" in session
    count = len(checks_of("attention")) - 1
    assert f"attention/word: {count - 3} passed, 3 failed, 1 skipped" in session


def test_a_skipped_check_shows_its_reason(session: list[str]) -> None:
    assert any(line.startswith("SKIPPED") and "it takes a second" in line for line in session)


def test_the_page_counts_as_pytest_does(session: list[str]) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "prove-a-component.md"
    count = len(checks_of("attention"))
    assert f"attention/gated: {count} passed" in page.read_text()


@pytest.mark.parametrize("component", examples(), ids=lambda component: component.kind)
def test_the_examples_pass_every_check(component: object) -> None:
    name = f"{component.kind}/{component.name}"  # type: ignore[attr-defined]
    only = {check.name for check in checks_of(name.partition("/")[0])} - QUICK
    report = run(name, plugins=EXAMPLES, only=only)
    assert dict(report.failed) == {}
    assert set(report.passed) == only


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_checks_of_its_own_with_promises(kind: str) -> None:
    checks = checks_of(kind)
    assert len({check.name for check in checks}) == len(checks)
    assert all(check.promise.endswith(".") for check in checks)
    assert any(check.function.__module__.endswith(kind.replace("-", "_")) for check in checks)


def test_a_report_lists_passed_failed_and_skipped() -> None:
    mutant = attention.MUTANTS[0]
    only = ["shapes", "determinism", "autocast"]
    report = run("attention/broken", plugins=mutant.catalogue(), only=only, skip={"autocast": "no need"})
    assert report.passed == ("determinism",)
    assert list(report.failed) == ["shapes"]
    assert "attention/broken: 1 passed, 1 failed, 1 skipped" in str(report)
    assert "failed   shapes: context of shape" in str(report)
    assert "skipped  autocast: no need" in str(report)


def test_a_skip_needs_a_reason_and_a_known_name() -> None:
    with pytest.raises(RunError) as caught:
        run("attention/word", skip={"determinism": " ", "determinisn": "a slip"})
    codes = [(problem.code, problem.expected) for problem in caught.value.problems]
    assert codes == [("skip-reason", "a sentence that explains why"), ("unknown-check", "`determinism`")]
    with pytest.raises(RunError, match="skip-reason"):
        conformance("attention/word", skip={"compile": ""})


@pytest.mark.parametrize(
    ("name", "code"),
    [("attention/wurd", "unknown-component"), ("atention/word", "unknown-kind"), ("loss/word", "wrong-kind")],
)
def test_an_unknown_component_is_an_error_when_tests_are_collected(name: str, code: str) -> None:
    with pytest.raises(PluginError, match=code):
        conformance(name)


def test_a_plugin_that_was_disabled_is_named() -> None:
    plugins = load_plugins(extra=[("mine", "there_is_no_such_module")], installed=False)
    with pytest.raises(PluginError) as caught:
        conformance("attention/mine", plugins=plugins)
    assert any("mine is disabled" in note for note in caught.value.__notes__)


def test_options_are_decoded_as_a_recipe_decodes_them(tmp_path: Path) -> None:
    right = run("loss/kl", options={"weight": 2, "reduction": "sum"}, only=["named_scalars"])
    assert right.passed == ("named_scalars",)
    wrong = run("loss/kl", options={"wait": 2}, only=["named_scalars"])
    assert "unknown-key" in str(wrong.failed["named_scalars"])


def test_options_may_need_files() -> None:
    folders = []

    def options(folder: Path) -> dict[str, object]:
        folders.append(folder)
        assert list(folder.iterdir()) == []
        return {"weight": 1.0}

    run("loss/kl", options=options, only=["named_scalars", "batch_of_one"])
    assert len(folders) == 1


@pytest.mark.parametrize("as_function", [False, True])
def test_the_recipe_may_name_other_neighbours(as_function: bool) -> None:
    sections = {"tokenizer": "none-of-this-name", "summary": "of an author"}
    recipe = (lambda folder: sections) if as_function else sections
    report = run("loss/kl", recipe=recipe, only=["recipe_round_trip", "named_scalars"])
    assert report.passed == ("named_scalars",)
    assert "no tokenizer is called `none-of-this-name`" in str(report.failed["recipe_round_trip"])
    report = run("loss/kl", recipe={"tokenizer": "word"}, only=["recipe_round_trip", "json_schema_agrees"])
    assert report.passed == ("recipe_round_trip", "json_schema_agrees")


def test_a_spec_may_be_given() -> None:
    from attnforge.specs import StageSpec

    first = StageSpec(channels=2, in_channels=None, in_size=None, out_size=8, condition=3, words=4)
    assert run("stage/initial", spec=first, only=["shapes"]).passed == ("shapes",)
    assert run("stage/initial", spec=lambda: first, only=["shapes"]).passed == ("shapes",)


def test_without_the_extra_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("attnforge.testing")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(AttnforgeError) as caught:
        __import__("attnforge.testing")
    (problem,) = caught.value.problems
    assert (problem.code, problem.next_step) == ("testing-not-installed", 'pip install "attnforge[testing]"')


def test_a_broken_record_is_distinguished_from_a_broken_class() -> None:
    mutant = next(mutant for mutant in general.MUTANTS if mutant.check == "declaration_is_complete")
    report = run("attention/broken", plugins=mutant.catalogue(), only=["declaration_is_complete"])
    assert "is not one line of text" in str(report.failed["declaration_is_complete"])
