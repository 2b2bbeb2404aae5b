"""Encoders of another run: taken instead of trained, and refused when they do not fit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_run import TINY, tiny, train_tiny

from attnforge.errors import AttnforgeError
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.train.progress import ConsoleReporter

SHORT = (
    "evaluation.metrics={attributes: null, retrieval: null}",
    "phases.gan.steps=1",
    "phases.gan.sample_every=0",
)


class Noting(ConsoleReporter):
    """Keeps the lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


def encoders(checkpoint: Path) -> dict[str, torch.Tensor]:
    return {
        f"{name}/{key}": tensor
        for name in ("text", "image")
        for key, tensor in load_file(checkpoint / f"{name}.safetensors").items()
    }


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    assert first
    assert first.keys() == second.keys()
    return all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def checkpoints(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def test_given_encoders_replace_the_phase_that_trains_them(trained: Path, tmp_path: Path) -> None:
    path, reporter = tmp_path / "adopted", Noting()
    assert train(
        tiny(*SHORT, f"pretrained.encoders={trained}"), path, resume=False, reporter=reporter
    ).finished
    assert checkpoints(path) == ["gan-0000001"]
    assert same(encoders(trained / "checkpoints/gan-0000005"), encoders(path / "checkpoints/gan-0000001"))
    (said,) = [line for line in reporter.lines if "using encoders" in line]
    assert str(trained) in said
    assert "skipping phase damsm" in said


def test_without_encoders_every_phase_is_trained(trained: Path, tmp_path: Path) -> None:
    reporter = Noting()
    assert train(tiny(*SHORT), tmp_path / "own", resume=False, reporter=reporter).finished
    assert checkpoints(tmp_path / "own") == ["damsm-0000002", "damsm-0000003", "gan-0000001"]
    assert not [line for line in reporter.lines if "using encoders" in line]


def test_a_recipe_of_encoders_alone_keeps_training_loaded_ones(trained: Path, tmp_path: Path) -> None:
    path, reporter = tmp_path / "longer", Noting()
    small = [one for one in TINY if not one.startswith("phases.gan")]
    only = ("phases.gan=null", "phases.damsm.steps=1", SHORT[0], f"pretrained.encoders={trained}")
    resolved = resolve("quickstart", overrides=[*small, *only])
    assert train(resolved, path, resume=False, reporter=reporter).finished
    assert checkpoints(path) == ["damsm-0000001"]
    before, after = (
        encoders(trained / "checkpoints/damsm-0000003"),
        encoders(path / "checkpoints/damsm-0000001"),
    )
    assert not same(before, after)
    largest = max(float((after[name] - before[name]).abs().max()) for name in before if "embedding" in name)
    assert 0 < largest < 0.05  # a step away, not another beginning
    assert not any("left out" in line for line in reporter.lines)


def test_a_resumed_run_needs_the_encoders_no_more(trained: Path, tmp_path: Path) -> None:
    lent, path = tmp_path / "lent", tmp_path / "run"
    shutil.copytree(trained, lent)
    assert train_tiny(path, *SHORT, f"pretrained.encoders={lent}").finished
    shutil.rmtree(lent)
    assert train_tiny(path, *SHORT, "phases.gan.steps=2", f"pretrained.encoders={lent}", resume=True).finished
    assert checkpoints(path)[-1] == "gan-0000002"
    assert same(encoders(trained / "checkpoints/gan-0000005"), encoders(path / "checkpoints/gan-0000002"))


def test_weights_that_are_replaced_need_no_file(trained: Path, tmp_path: Path) -> None:
    small = [one for one in TINY if not one.startswith("image.")]
    overrides = [*small, *SHORT, "image={use: inception-v3}", f"pretrained.encoders={trained}"]
    resolved = resolve("quickstart", overrides=overrides)
    with pytest.raises(AttnforgeError) as error:
        train(resolved, tmp_path / "run", resume=False, reporter=ConsoleReporter())
    assert [problem.code for problem in error.value.problems] == ["checkpoint-misfit"]


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        (("pretrained.encoders=nowhere",), "no-such-run"),
        (("pretrained.encoders=empty",), "no-pretrained"),
        (("pretrained.encoders=trained", "tokenizer={use: word, max_size: 5}"), "vocabulary-mismatch"),
        (("pretrained.encoders=trained", "text.dim=8"), "checkpoint-misfit"),
    ],
)
def test_encoders_that_cannot_be_taken_leave_no_run_behind(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: tuple[str, ...], code: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trained").symlink_to(trained)
    (tmp_path / "empty/checkpoints").mkdir(parents=True)
    shutil.copy(trained / "recipe.lock.yaml", tmp_path / "empty")
    with pytest.raises(AttnforgeError) as error:
        train_tiny(tmp_path / "run", *SHORT, *overrides)
    assert [problem.code for problem in error.value.problems] == [code]
    assert not (tmp_path / "run").exists()


def test_the_vocabulary_that_does_not_fit_is_named(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(AttnforgeError) as error:
        train_tiny(
            tmp_path / "run", *SHORT, f"pretrained.encoders={trained}", "tokenizer={use: word, max_size: 5}"
        )
    manifest = json.loads((trained / "checkpoints/gan-0000005/manifest.json").read_text())
    assert manifest["vocabulary"] in str(error.value)


def test_a_generator_starts_from_that_of_another_run(trained: Path, tmp_path: Path) -> None:
    """The network that generates images there, and with `:generator` the trained one."""
    saved = trained / "checkpoints/gan-0000005"
    names = {f"{trained}": "generator-average", f"{trained}:generator": "generator"}
    for number, (origin, network) in enumerate(names.items()):
        path = tmp_path / str(number)
        slow = ("phases.gan.task.generator_learning_rate=1e-9", "phases.gan.task.average=null")
        overrides = [f"pretrained={{encoders: {trained}, generator: '{origin}'}}", *slow]
        assert train_tiny(path, *SHORT, *overrides).finished
        weights = load_file(path / "checkpoints/gan-0000001/generator.safetensors")
        for name, weight in load_file(saved / f"{network}.safetensors").items():
            if "running" not in name and weight.is_floating_point():
                torch.testing.assert_close(weights[name], weight, rtol=0, atol=1e-7)


def test_a_module_takes_the_weights_of_a_file(trained: Path, tmp_path: Path) -> None:
    state = load_file(trained / "checkpoints/gan-0000005/generator.safetensors")
    inside = {
        name.removeprefix("stages.0."): 2 * weight
        for name, weight in state.items()
        if name.startswith("stages.0.")
    }
    save_file(inside, tmp_path / "first.safetensors")
    slow = ("phases.gan.task.generator_learning_rate=1e-9", "phases.gan.task.average=null")
    modules = f"pretrained={{encoders: {trained}, generator.stages.0: {tmp_path}/first.safetensors}}"
    assert train_tiny(tmp_path / "run", *SHORT, modules, *slow).finished
    weights = load_file(tmp_path / "run/checkpoints/gan-0000001/generator.safetensors")
    torch.testing.assert_close(weights["stages.0.linear.weight"], inside["linear.weight"], rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("modules", "code", "expected"),
    [
        ("{generator.stage.0: RUN}", "no-such-module", "generator.stages.0"),
        ("{discriminators: RUN}", "no-pretrained", "intact checkpoint"),
        ("{generator: missing.safetensors}", "missing-file", "missing.safetensors"),
        ("{'generator.stages.0': 'RUN:generator'}", "checkpoint-misfit", "stages"),
    ],
)
def test_modules_that_do_not_exist_are_named(
    trained: Path, tmp_path: Path, modules: str, code: str, expected: str
) -> None:
    with pytest.raises(AttnforgeError) as error:
        train_tiny(tmp_path / "run", *SHORT, f"pretrained={modules.replace('RUN', str(trained))}")
    (problem,) = error.value.problems
    assert problem.code == code
    assert expected in str(problem)
    assert not (tmp_path / "run").exists()


def test_the_old_key_names_its_successor() -> None:
    with pytest.raises(AttnforgeError, match=r"pretrained: \{encoders: RUN\}"):
        tiny("encoders=runs/x")
