"""An exported page: what it computes, without a browser, is what the run generates."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from javascript import run_javascript, script_in
from torch import nn
from web_parity import WORKER, as_arrays, computing, image_of, parity_cases

from attnforge.cli import run
from attnforge.errors import RunError
from attnforge.export.graphs import Graphs, sample_captions
from attnforge.export.web.contents import check_captions, refuse_without_page
from attnforge.export.web.operations import LOWERED, decomposed
from attnforge.export.web.page import ENGINE, joined
from attnforge.export.web.steps import PageArray, Steps
from attnforge.export.web.weights import Weights, as_stored
from attnforge.export.web.writing import export_page
from attnforge.sampling.noise import NoiseSampler
from attnforge.sampling.pipeline import Pipeline
from attnforge.sampling.walking import Walk


def computed(page: Path, images: list[dict[str, Any]]) -> list[dict[str, np.ndarray]]:
    """The numbers that the page's worker computes for images."""
    return as_arrays(run_javascript(computing(page, images)))


def test_the_page_computes_what_the_run_does_for_every_length_and_noise(page: Path, stored: Pipeline) -> None:
    cases = parity_cases(stored, lengths=[1, 5, json.loads(script_in(page, "data"))["words"]] * 2)
    received = computed(page, [image_of(case.ids, seeds=[case.seed, case.seed]) for case in cases])
    for case, values in zip(cases, received, strict=True):
        case.compare(values, tolerance=1e-3)


def test_walks_and_sampling_are_those_of_the_run(page: Path, stored: Pipeline) -> None:
    first, last = "a red bird", "a blue bird with white wings"
    ids = [stored.parts.tokenizer.encode(caption) for caption in (first, last)]
    walk = Walk(first=first, last=last, first_seed=1, last_seed=2, steps=3)
    truncation = {"truncation": 0.5, "scale": 0.9}
    images = [image_of(*ids, seeds=[1, 2], share=share) for share in walk.shares()]
    images += [image_of(*ids, seeds=[1, 2], share=0.25, sampling=truncation)]
    truncated = stored.with_sampling(partial(NoiseSampler, truncation=0.5, scale=0.9))
    quarter = Walk(first=first, last=last, first_seed=1, last_seed=2, steps=5)
    expected = [*stored.walk(walk), list(truncated.walk(quarter))[1]]
    for values, own in zip(computed(page, images), expected, strict=True):
        pixels = values["image_32"].reshape(3, 32, 32).transpose(1, 2, 0)
        assert np.abs((pixels + 1) * 127.5 - own.images[-1]).max() < 0.6


def test_a_page_asks_nothing_of_a_network_and_hides_no_markup(page: Path) -> None:
    text = page.read_text()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src &#x27;none&#x27;;")
    assert "connect-src" not in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy.replace("wasm-unsafe-eval", "")
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)
    assert not re.search(r'<(?:script|img|link|iframe)[^>]+(?:src|href)="(?!data:)', text)
    data = json.loads(script_in(page, "data"))
    assert data["run"]["name"] == "tiny"
    assert "<" not in script_in(page, "data")


def test_examples_are_captions_that_the_page_reads(stored: Pipeline) -> None:
    encode = stored.parts.tokenizer.encode
    assert check_captions(Graphs(stored, 14)) == sample_captions(stored)
    for most in (13, 3, 1):
        lengths = [len(encode(caption)) for caption in check_captions(Graphs(stored, most))]
        assert lengths
        assert all(0 < length <= most for length in lengths)


def test_a_page_replaces_nothing(
    page: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = page.read_bytes()
    for out in (page, tmp_path):
        assert run(["export", "web", str(trained), "-o", str(out)]) == 1
        assert "error[export-exists]" in capsys.readouterr().err
    assert page.read_bytes() == before
    assert run(["export", "web", str(tmp_path), "-o", str(tmp_path / "page.html")]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_runs_that_need_more_than_a_caption_are_refused(trained: Path) -> None:
    parts = SimpleNamespace(extras={"box": (4,)}, completed_extras=frozenset(), tokenizer=object())
    fake = cast("Pipeline", SimpleNamespace(parts=parts, run=SimpleNamespace(path=trained)))
    with pytest.raises(RunError, match="needs box besides a caption"):
        refuse_without_page(fake)
    parts.extras = {}
    with pytest.raises(RunError, match="reads captions by object, which has no version in JavaScript"):
        refuse_without_page(fake)


class Layers(nn.Module):
    """Operations of other families than that of the tiny run."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2)
        self.up = nn.ConvTranspose2d(6, 5, 5, stride=3, padding=1, output_padding=1)
        self.group = nn.GroupNorm(2, 6)
        self.layer = nn.LayerNorm(7)
        self.recurrence = nn.LSTM(7, 3, num_layers=2, batch_first=True)
        self.linear = nn.Linear(7, 9)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.5)

    def forward(self, image: torch.Tensor, words: torch.Tensor) -> tuple[torch.Tensor, ...]:
        small = torch.nn.functional.silu(self.group(self.first(image)))
        large = torch.nn.functional.leaky_relu(self.up(small), 0.2)
        outputs, (hidden, _) = self.recurrence(self.layer(words))
        shown = torch.nn.functional.interpolate(large, size=(16, 9), mode="bilinear")
        pooled = torch.nn.functional.avg_pool2d(shown, 2).clamp(-1, 0.8)
        highest = torch.nn.functional.max_pool2d(shown, 3, stride=2)
        chosen = highest[:, torch.tensor([2, 0, 2])] * (words > 1).any(dim=2).all(dim=1)[:, None, None, None]
        return (
            chosen + highest[:, :3].div(0.3, rounding_mode="floor"),
            torch.nn.functional.pad(pooled.flip([2]), (1, 2, 0, 1), value=0.5),
            self.linear(words).softmax(dim=1).mean(dim=(0, 2)),
            torch.cat([outputs[:, ::2], outputs.roll(0).transpose(1, 2)[:, :, :3].transpose(1, 2)], dim=1),
            torch.where(words > 0, words.pow(2), -words).sum(dim=2, keepdim=True) / hidden.abs().amin(),
        )


@pytest.mark.long
def test_layers_that_torch_and_the_page_compute_alike(untyped: None) -> None:
    torch.manual_seed(0)
    module = Layers().eval()
    inputs = (torch.randn(1, 4, 9, 8), torch.randn(1, 5, 7))
    with torch.no_grad():
        expected = module(*inputs)
        program = decomposed(torch.export.export(module, inputs))
    names = [f"output_{place}" for place in range(len(expected))]
    arrays: list[PageArray] = []
    lowered = Steps(LOWERED, arrays).lower(program, ("image", "words"), names)
    weights = Weights([PageArray(array.numbers, exact=True) for array in arrays], precision="int8")
    values = {name: value.flatten().tolist() for name, value in zip(("image", "words"), inputs, strict=True)}
    received = run_javascript(
        f"{WORKER}{joined(ENGINE)}\n"
        f"const [lowered, stored, values] = {json.dumps([lowered, weights.arrays, values])};\n"
        f"inflated('{weights.text()}').then((bytes) => {{\n"
        "  const [image, words] = [values.image, values.words].map((each) => Float32Array.from(each));\n"
        "  const [fast, plain] = [new Matrices(), new Matrices()];\n"
        "  plain.tile = plainTile(plain.memory);\n"
        "  result([fast, plain].map((matrices) => {\n"
        "    const program = new Program(lowered, readArrays(bytes, stored), matrices);\n"
        "    return Object.values(program.call({ image, words })).map((output) => Array.from(output));\n"
        "  }));\n"
        "});"
    )
    for outputs in received:  # with vectors, and without
        for own, output in zip(expected, outputs, strict=True):
            np.testing.assert_allclose(output, own.flatten(), atol=1e-4, rtol=1e-4)


@pytest.mark.long
def test_an_operation_without_an_equivalent_is_named(untyped: None) -> None:
    class Sorts(nn.Module):
        def forward(self, numbers: torch.Tensor) -> torch.Tensor:
            return numbers.sort().values

    program = decomposed(torch.export.export(Sorts(), (torch.randn(3),)))
    with pytest.raises(RunError, match=r"cannot compute torch's operation aten\.sort\.default"):
        Steps(LOWERED, []).lower(program, ("numbers",), ("sorted",))


def test_stored_weights_are_near_and_vectors_the_same() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(5, 7) * torch.logspace(-3, 3, 5)[:, None]
    matrix[2] = 0
    for precision, tolerance in (("int8", 1 / 250), ("float16", 1 / 2000)):
        near = as_stored(matrix, precision)
        assert ((near - matrix).abs() <= tolerance * matrix.abs().amax(dim=1, keepdim=True)).all()
        torch.testing.assert_close(as_stored(near, precision), near)
    vector, huge = torch.tensor([1e-9, 3e8]), torch.full((2, 2), 1e6)
    assert torch.equal(as_stored(vector, "int8"), vector)
    assert torch.equal(as_stored(huge, "float16"), huge)


@pytest.mark.long
def test_both_precisions_are_written_and_differ_in_size(trained: Path, tmp_path: Path, untyped: None) -> None:
    small = export_page(trained, tmp_path / "small.html", precision="int8", words=30)
    large = export_page(trained, tmp_path / "large.html", precision="float16", words=30)
    assert small.size < large.size
    assert large.difference < small.difference < 1
    assert json.loads(script_in(small.path, "data"))["words"] == 30
