"""Exported graphs compute what the run computes, for any number of images and length of caption."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_run import train_tiny

from attnforge.cli import run
from attnforge.errors import RunError
from attnforge.export.description import ids_of
from attnforge.export.draws import GivenDraws, RecordedDraws
from attnforge.export.formats import onnx_format, torch_format
from attnforge.export.graphs import Graphs
from attnforge.export.writing import _differences, export_graphs
from attnforge.sampling.pipeline import Pipeline

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "export.md"
FAMILIES = ("df-gan-sketch-birds", "gan-int-cls-sketch-birds", "stackgan-v2-sketch-birds")


@pytest.fixture(scope="module")
def pipeline(trained: Path) -> Pipeline:
    return Pipeline.load(trained, device="cpu")


def test_inputs_and_outputs_have_names(pipeline: Pipeline) -> None:
    graphs = Graphs.of(pipeline)
    assert graphs.inputs == ["noise", "words", "sentence", "padding"]
    assert graphs.outputs == ["image_16", "image_32", "attention_2"]
    assert graphs.words >= 24
    tokens, lengths = graphs.example_tokens(3)
    assert lengths.tolist() == [graphs.words, (graphs.words + 1) // 2, 1]
    assert (tokens != 0).sum(dim=1).tolist() == lengths.tolist()


def test_tokens_have_their_ids(pipeline: Pipeline) -> None:
    tokenizer = pipeline.parts.tokenizer
    ids = ids_of(tokenizer)
    assert sorted(ids.values()) == list(range(1, tokenizer.vocabulary_size))
    assert [ids[word] for word in ["a", "red", "bird"]] == tokenizer.encode("a red bird")


def test_draws_of_a_network_become_inputs() -> None:
    def network() -> torch.Tensor:
        return torch.randn(2, 3) + torch.randn_like(torch.zeros(2, 1))

    with RecordedDraws() as recorded:
        network()
    assert recorded.shapes == [(2, 3), (2, 1)]
    with GivenDraws([torch.full((2, 3), 4.0), torch.full((2, 1), 5.0)]):
        assert torch.equal(network(), torch.full((2, 3), 9.0))
    with RecordedDraws(), pytest.raises(RunError, match=r"torch\.rand,"):
        torch.rand(2)


def test_a_run_that_searches_its_images_is_refused(trained: Path, tmp_path: Path) -> None:
    sampling = "sampling={use: best-of, images: 2, scorer: damsm}"
    search = Pipeline.load(trained, device="cpu", overrides=[sampling])
    with pytest.raises(RunError, match="not-exportable"):
        Graphs.of(search)


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnforge.export.formats.find_spec", lambda name: None if name == "onnx" else name)
    with pytest.raises(RunError, match="no-onnx") as caught:
        onnx_format()
    assert "needs onnx\n" in str(caught.value)


def test_a_file_that_computes_something_else_is_an_error() -> None:
    def own(inputs: Any) -> list[torch.Tensor]:
        return [inputs[0], inputs[0] * 2]

    names, examples = ("first", "second"), [((torch.ones(2),), own)]
    exact = _differences(own, examples, names, file=Path("x.onnx"))
    assert exact == {"first": 0.0, "second": 0.0}
    for wrong in (0.001, float("nan")):
        with pytest.raises(RunError, match="export-differs"):
            _differences(
                lambda inputs, by=wrong: [inputs[0], inputs[0] * 2 + by], examples, names, file=Path("x")
            )


@pytest.mark.long
@pytest.mark.usefixtures("untyped")
def test_numbers_that_a_generator_draws_are_inputs(tmp_path: Path) -> None:
    train_tiny(tmp_path / "run", "generator.conditioner={use: augmentation, dim: 5}")
    written = export_graphs(tmp_path / "run", tmp_path / "torch", torch_format())
    described = json.loads((tmp_path / "torch" / "model.json").read_text())
    assert described["generator"]["inputs"][-1] == "draw_0"
    assert described["inputs"]["draw_0"] == "float32, batch x 5: normal numbers"
    assert written.difference < 1e-4


@pytest.mark.long
@pytest.mark.usefixtures("untyped")
def test_programs_of_torch_compute_the_same(trained: Path, tmp_path: Path) -> None:
    written = export_graphs(trained, tmp_path / "torch", torch_format())
    assert written.difference < 1e-4
    assert [path.name for path in written.paths] == ["generator.pt2", "text.pt2", "model.json", "tokens.json"]
    described = json.loads((tmp_path / "torch" / "model.json").read_text())
    assert described["generator"]["outputs"] == ["image_16", "image_32", "attention_2"]
    operators = {
        str(node.target).split(".")[0]
        for name in ("generator", "text")
        for node in torch.export.load(tmp_path / "torch" / f"{name}.pt2").graph.nodes
        if node.op == "call_function"
    }
    assert "attnforge" not in operators  # torch alone runs them


@pytest.mark.long
@pytest.mark.usefixtures("untyped")
def test_the_page_runs_onnx_files_by_hand(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    assert run(["export", "onnx", str(trained), "-o", "birds-onnx"]) == 0
    assert "differ from the run's by at most" in capsys.readouterr().out
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(block.replace("image_64", "image_32"), names)  # the code of this repository's own page
    pipeline = Pipeline.load(trained, device="cpu")
    features = pipeline.parts.text(torch.tensor([names["ids"]]), torch.tensor([len(names["ids"])]))
    from attnforge.interfaces import Prompt

    with torch.no_grad():
        own = pipeline.generator(torch.from_numpy(names["noise"]), Prompt.of(features)).images[-1]
    np.testing.assert_allclose(names["image"], own, atol=1e-4)
    assert names["pixels"].shape == (32, 32, 3)


@pytest.mark.long
@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("family", FAMILIES)
def test_other_families_are_exported(family: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from small_widths import small

    from attnforge.api.training import train

    train(family, overrides=small(family, tmp_path), out=tmp_path / "run", quiet=True)
    for name, target in {"onnx": onnx_format(), "torch": torch_format()}.items():
        written = export_graphs(tmp_path / "run", tmp_path / name, target)
        assert written.difference < 1e-4
        assert written.without_text is None
