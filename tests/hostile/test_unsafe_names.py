"""No name of a recipe, a plugin or somebody's run leads out of the folder that it belongs in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from attnforge_attngan.tasks.matching import MatchingTask
from damaged_runs import weights_of
from tiny_run import tiny, train_tiny
from torch import nn

from attnforge.errors import AttnforgeError, RecipeError
from attnforge.recipe import resolve
from attnforge.recipe.seal import seal

PHASE = "{task: damsm, steps: 2, batch_size: 4}"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gan.v2", "`gan-v2`"),
        ("matching v2", "`matching-v2`"),
        ("../../../escaped/x", "`escaped-x`"),
        ("/tmp/x", "`tmp-x`"),
        ("a\\b", "`a-b`"),
        ("..", "a name of"),
        ("x" * 65, "`xxxx"),
    ],
)
def test_a_phase_of_an_unsafe_name_is_refused_where_it_is_written(
    tmp_path: Path, name: str, near: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"extends: quickstart\nphases:\n  '{name}': {PHASE}\n", encoding="utf-8")
    with pytest.raises(RecipeError) as error:
        resolve(file)
    (problem,) = error.value.problems
    assert problem.code == "unsafe-name"
    assert problem.place is not None
    assert problem.place.line == 3
    assert near in str(problem.expected)


def test_phases_that_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"extends: quickstart\nphases:\n  GAN: {PHASE}\n", encoding="utf-8")
    with pytest.raises(RecipeError) as error:
        resolve(file)
    assert [problem.code for problem in error.value.problems] == ["unsafe-name"]


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "a\nb", "\x1b[2Jx"])
def test_the_name_that_a_frozen_recipe_gives_itself_leads_nowhere(tmp_path: Path, name: str) -> None:
    text = tiny().frozen()
    assert "recipe: quickstart\n" in text
    file = tmp_path / "recipe.lock.yaml"
    escaped = name.encode("unicode_escape").decode()
    file.write_text(seal(text.replace("recipe: quickstart\n", f'recipe: "{escaped}"\n')), encoding="utf-8")
    assert resolve(file).name == "recipe.lock"


def test_a_task_whose_network_leads_out_of_the_run_is_refused_before_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = MatchingTask.networks
    made: list[int] = []

    def hostile(self: MatchingTask) -> dict[str, nn.Module]:
        return {**networks(self), "../../../escaped": nn.Linear(1, 1)}

    monkeypatch.setattr(MatchingTask, "networks", hostile)
    monkeypatch.setattr(MatchingTask, "step", lambda *_, **__: made.append(1))
    with pytest.raises(AttnforgeError) as error:
        train_tiny(tmp_path / "inner/run")
    assert [problem.code for problem in error.value.problems] == ["unsafe-name"]
    assert "../../../escaped" in str(error.value)
    assert made == []
    assert not list(tmp_path.rglob("*escaped*"))


def test_a_folder_that_is_no_checkpoint_s_is_no_checkpoint(
    copied_run: Callable[[str], Path], whole_run: Path
) -> None:
    path = copied_run("run")
    (path / "checkpoints/gan-0000005").rename(path / "checkpoints/gan-0000009")
    assert train_tiny(
        path,
        "evaluation.metrics={attributes: null, retrieval: null}",
        "phases.gan.sample_every=0",
        resume=True,
    ).finished
    before, after = weights_of(whole_run, "gan-0000005"), weights_of(path, "gan-0000005")
    assert all(tensor.equal(after[name]) for name, tensor in before.items())
