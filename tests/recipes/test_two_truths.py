"""The two recipes of docs/explanation/two-truths.md say what the page says of them, in every option."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from attnforge.recipe import resolve

PAGE = Path(__file__).parents[2] / "docs/explanation/two-truths.md"
MATCHING = ("gamma1", "gamma2", "gamma3", "word_score", "reduction", "mask_same_class")


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Every value of a frozen recipe by its path."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    inner = {key: one for name, item in entries for key, one in flat(item, f"{path}.{name}").items()}
    return inner or {path.removeprefix("."): value}


@pytest.fixture
def written(tmp_path: Path) -> dict[str, Path]:
    found = re.findall(r"```yaml\n# ([\w-]+)\.yaml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    for name, text in found:
        (tmp_path / f"{name}.yaml").write_text(text)
    return {name: tmp_path / f"{name}.yaml" for name, _ in found}


def changed(path: Path) -> dict[str, Any]:
    """What a recipe says otherwise than `attngan`, with every default filled in."""
    ours, theirs = flat(resolve("attngan").data()), flat(resolve(path).data())
    return {key: theirs.get(key) for key in sorted(ours | theirs) if ours.get(key) != theirs.get(key)}


def test_the_page_holds_two_recipes(written: dict[str, Path]) -> None:
    assert sorted(written) == ["as-printed", "as-run"]


def test_the_paper_as_printed(written: dict[str, Path]) -> None:
    found = changed(written["as-printed"])
    assert "conditioning" not in resolve(written["as-printed"]).data()["losses"]
    assert {key: value for key, value in found.items() if "conditioning" not in key} == {
        "summary": "AttnGAN with the objective that the paper prints.",
        "losses.adversarial.balance": "paper",
        "losses.adversarial.mismatch": "none",
        **{
            f"{where}.{name}": value
            for where in ("losses.damsm", "phases.damsm.task")
            for name, value in {
                "gamma1": 5,
                "word_score": "paper",
                "reduction": "sum",
                "mask_same_class": False,
            }.items()
        },
        "phases.damsm.batch_size": 50,
    }


def test_the_official_code_as_it_ran(written: dict[str, Path]) -> None:
    """What is not changed is the default already, which follows the code."""
    assert changed(written["as-run"]) == {
        "summary": "AttnGAN as the official code trained it, its mistakes included.",
        "tokenizer.letters": "ascii",
        "image.statistics": "adapt",
        "generator.stages.1.attention.mask": "official",
        "generator.stages.2.attention.mask": "official",
        "phases.damsm.order": "length",
        "phases.damsm.task.reset_optimizer": True,
        "phases.gan.order": "length",
    }


def test_the_defaults_are_the_codes_where_the_page_says_so() -> None:
    recipe = resolve("attngan").data()
    code = dict(zip(MATCHING, (4, 5, 10, "official", "mean", True), strict=True))
    for part in (recipe["losses"]["damsm"], recipe["phases"]["damsm"]["task"]):
        assert {name: part[name] for name in MATCHING} == code
    assert recipe["losses"]["damsm"]["weight"] == 5
    adversarial = recipe["losses"]["adversarial"]
    assert (adversarial["balance"], adversarial["mismatch"]) == ("official", "roll")
    assert recipe["losses"]["conditioning"] == {"use": "kl", "weight": 1, "reduction": "mean"}
    matching, game = (recipe["phases"][name] for name in ("damsm", "gan"))
    assert (matching["batch_size"], game["batch_size"]) == (48, 20)
    assert {phase["truncate"] for phase in (matching, game, recipe["evaluation"])} == {"random"}
    task = matching["task"]
    assert (task["learning_rate"], task["decay"], task["epoch_decay"]) == (2e-3, "by-epoch", 0.98)
    assert game["task"]["average"] == {"decay": 0.999, "half_life": None, "ramp_up": 0, "buffers": "copy"}
    assert recipe["image"]["align_corners"] is True


def test_options_that_the_page_names_exist() -> None:
    """Every option in the tables' last column is one of the recipe's keys."""
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    options = [line.rstrip(" |").rpartition(" | ")[2] for line in rows if not line.endswith("| |")]
    named = {
        name.rpartition(".")[2] for cell in options for name in re.findall(r"`([\w.]+)(?:: [^`]+)?`", cell)
    }
    keys = {key for path in flat(resolve("attngan").data()) for key in path.split(".")}
    choices = {"paper", "none", "other", "all", "official", "sum", "false", "average", "recompute", "word"}
    choices |= {"first", "length", "adapt", "damsm", "ascii"}
    assert named - choices <= keys
    assert len(named & keys) > 20
