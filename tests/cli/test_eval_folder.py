"""`attnforge eval FOLDER`: images of any system by a protocol, and what cannot be measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from evaluated_images import PROTOCOL, write_images
from PIL import Image

from attnforge.cli import run as attnforge
from attnforge.evaluate.protocols import protocol_names, shipped_protocols

Said = pytest.CaptureFixture[str]
CPU = ("--device", "cpu")


@pytest.fixture
def protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A protocol of the sketch birds with a network that is fast."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATTNFORGE_PLUGINS", "pixels=pixel_plugin")
    Path("birds.yaml").write_text(PROTOCOL)
    return "birds.yaml"


def refused(said: Said, code: str) -> str:
    shown = said.readouterr().err
    assert f"error[{code}]" in shown
    assert "Traceback" not in shown
    return shown


def test_real_images_are_at_distance_0_from_themselves(protocol: str, capsys: Said) -> None:
    write_images(Path("mine"))
    assert attnforge(["eval", "mine", "--protocol", protocol, *CPU]) == 0
    shown = capsys.readouterr()
    assert "next: attnforge compare mine/results/birds.json OTHER" in shown.out
    result = json.loads(Path("mine/results/birds.json").read_text())
    distance = next(name for name in result["metrics"] if name.startswith("FD (pixels"))
    assert abs(result["metrics"][distance]) < 1e-8
    assert "12 images" in result["metrics"][f"{distance} note"]
    assert result["metrics"]["attribute accuracy"] > 0.9
    assert result["conditions"]["image size"] == "64 x 64"
    assert result["conditions"]["real images"]["test"]["count"] == "12"
    assert result["deviations"] == ["Made for tests."]
    # what was extracted is kept, and the second evaluation is of one metric
    assert attnforge(["eval", "mine", "--protocol", protocol, "--metric", "distance", "--json", *CPU]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["protocol"] == "birds-distance"
    assert again["metrics"][distance] == result["metrics"][distance]
    assert "attribute accuracy" not in again["metrics"]


def test_a_run_and_the_folder_of_its_images_have_the_same_values(
    trained: Path, protocol: str, capsys: Said
) -> None:
    """The run measures in memory, rounded to 8 bits; the folder has the files."""
    from attnforge.evaluate.measure import GeneratedImages

    run = Path(shutil.copytree(trained, "run"))
    written: dict[int, Any] = {}
    original = GeneratedImages.images

    def keeping(source: GeneratedImages, numbers: Any) -> Any:
        images = original(source, numbers)
        for number, image in zip(numbers, images, strict=True):
            written[number] = (image, source.captions[number])
        return images

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GeneratedImages, "images", keeping)
        patch.setenv("ATTNFORGE_CACHE", "off")
        options = ["data.test_count=12", "data.count=24", *CPU]
        assert attnforge(["eval", "run", "--protocol", protocol, *options]) == 0
    ours = json.loads((run / "results/birds.json").read_text())
    folder = Path("theirs")
    folder.mkdir()
    rows = []
    for number, (image, caption) in written.items():
        pixels = ((image + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
        rows.append({"file_name": f"{number:03d}.png", "text": caption})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    size = ours["conditions"]["image size"].split(" x ")[0]
    assert attnforge(["eval", "theirs", "--protocol", protocol, f"image_size={size}", *CPU]) == 0
    theirs = json.loads(Path("theirs/results/birds.json").read_text())
    assert theirs["conditions"] == ours["conditions"]
    values = {name: value for name, value in ours["metrics"].items() if isinstance(value, float)}
    assert {name: theirs["metrics"][name] for name in values} == pytest.approx(values, abs=1e-6)
    capsys.readouterr()
    assert attnforge(["compare", "run", "theirs"]) == 0
    shown = capsys.readouterr().out
    assert "attribute accuracy" in shown
    assert "[+0.0, +0.0]" in shown


def test_what_cannot_be_measured_is_said(protocol: str, capsys: Said) -> None:
    write_images(Path("mixed"))
    Image.new("RGB", (32, 64)).save("mixed/3.png")
    write_images(Path("bare"), captions=False)
    write_images(Path("foreign"))
    rows = [{"file_name": f"{number}.png", "text": "a photograph of a cat"} for number in range(12)]
    Path("foreign/metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_images(Path("broken"), captions=False)
    Path("broken/5.png").write_text("<html>")
    Path("empty").mkdir()
    cases = {
        "mixed": ("image-sizes-differ", "3.png 32 x 64"),
        "bare": ("folder-without-captions", "evaluation.metrics.attributes=null"),
        "foreign": ("captions-other-data", "a photograph of a cat"),
        "empty": ("not-a-run", "metadata.jsonl"),
        "mixed/3.png": ("not-a-run", "it is a file"),
    }
    for folder, (code, text) in cases.items():
        assert attnforge(["eval", folder, "--protocol", protocol, *CPU]) == 1
        assert text in refused(capsys, code)
    assert attnforge(["eval", "broken", "--protocol", protocol, *CPU]) == 1
    assert "5.png" in capsys.readouterr().err
    assert attnforge(["eval", "nowhere", "--protocol", protocol, *CPU]) == 1
    refused(capsys, "no-such-run")
    assert attnforge(["eval", "bare", "--protocol", "offlin", *CPU]) == 1
    assert "`offline`" in refused(capsys, "unknown-protocol")
    assert attnforge(["eval", "bare", "--protocol", protocol, "--metric", "distanc", *CPU]) == 1
    assert "`distance`" in refused(capsys, "unknown-metric")
    assert (
        attnforge(["eval", "bare", "--protocol", protocol, "evaluation.metrics.attributes=null", *CPU]) == 0
    )


def test_blocks_of_sampled_images_are_a_folder_and_their_index_is_checked(
    protocol: str, capsys: Said
) -> None:
    write_images(Path("blocks"), captions=True)
    rows = [json.loads(line) for line in Path("blocks/metadata.jsonl").read_text().splitlines()]
    Path("blocks/metadata.jsonl").unlink()
    block = Path("blocks/000000")
    block.mkdir()
    for row in rows:
        (Path("blocks") / row["file_name"]).rename(block / row["file_name"])
    index = [{"file": row["file_name"], "caption": row["text"], "line": 1} for row in rows]
    (block / "index.jsonl").write_text("".join(json.dumps(row) + "\n" for row in index))
    assert attnforge(["eval", "blocks", "--protocol", protocol, "--json", *CPU]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["attribute accuracy"] > 0.9
    (block / "index.jsonl").write_text('{"file": "0.png"}\n')
    assert attnforge(["eval", "blocks", "--protocol", protocol, *CPU]) == 1
    assert "index.jsonl:1" in refused(capsys, "bad-index")


def test_encoders_of_another_run_score_a_folder(trained: Path, protocol: str, capsys: Said) -> None:
    write_images(Path("mine"))
    metrics = "{attributes: null, distance: null, kernel: null, retrieval: %s}"
    scored = metrics % f"{{use: r-precision, candidates: 5, encoders: {trained}}}"
    command = ["eval", "mine", "--protocol", protocol, "--json", *CPU]
    assert attnforge([*command, f"evaluation.metrics={scored}"]) == 0
    values = json.loads(capsys.readouterr().out)["metrics"]
    (name,) = (name for name in values if name.startswith("R-precision") and name.endswith(")"))
    assert name.startswith("R-precision (encoders ")
    assert values[f"{name} note"].startswith("images of other sizes are resized to 32 pixels")
    shutil.copytree(trained, "without", ignore=shutil.ignore_patterns("gan-*", "damsm-*"))
    for encoders, code in {"": "no-image-encoder", ", encoders: without": "no-encoders"}.items():
        other = metrics % f"{{use: r-precision{encoders}}}"
        assert attnforge([*command, f"evaluation.metrics={other}"]) == 1
        refused(capsys, code)


def test_few_images_are_a_warning_and_not_a_number_alone(protocol: str, capsys: Said) -> None:
    write_images(Path("eleven"), 11)
    assert attnforge(["eval", "eleven", "--protocol", protocol, *CPU]) == 0
    shown = capsys.readouterr()
    assert "number of images is 12, not 11: distances of fewer images are too high" in shown.err
    assert "too high with 11 images" in shown.out
    write_images(Path("seven"), 7)
    assert attnforge(["eval", "seven", "--protocol", protocol, *CPU]) == 0
    assert capsys.readouterr().out.count("withheld: at least 10 images are needed, not 7") > 1


def test_a_protocol_of_other_data_is_refused_for_a_run(trained: Path, protocol: str, capsys: Said) -> None:
    Path("cub.yaml").write_text("data: {use: cub, root: nowhere}\nevaluation: {metrics: {r: r-precision}}\n")
    assert attnforge(["eval", str(trained), "--protocol", "cub.yaml", *CPU]) == 1
    assert "of the data set `cub`, the run of `sketch-birds`" in refused(capsys, "protocol-data")


def test_a_protocol_lists_its_captions(protocol: str, capsys: Said) -> None:
    assert attnforge(["protocols", protocol, "--captions", "captions.jsonl"]) == 0
    rows = [json.loads(line) for line in Path("captions.jsonl").read_text().splitlines()]
    assert len(rows) == 12
    assert all(row["text"] for row in rows)
    capsys.readouterr()
    assert attnforge(["protocols"]) == 0
    assert all(name in capsys.readouterr().out for name in ("offline",))
    assert attnforge(["protocols", "offline", "--captions", "captions.jsonl"]) == 1
    shown = capsys.readouterr().err
    assert "error[unknown-component]" in shown or "error[no-reference]" in shown


def test_missing_packages_of_a_protocol_are_named(protocol: str, capsys: Said) -> None:
    """attnforge-imagenet is a package of its own."""
    assert attnforge(["protocols", "offline"]) == 1
    shown = refused(capsys, "unknown-component")
    # no registry need have it: a checkout installs its own
    command = next(line for line in shown.splitlines() if "pip install" in line)
    source = command.partition('pip install "')[2].removesuffix('[lite0,lite1]"')
    assert (Path(source) / "pyproject.toml").is_file()


def test_a_metric_without_real_images_is_refused_before_images_are_read(
    protocol: str, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass over 30,000 images takes an hour, after which the metric would miss them."""
    write_images(Path("mine"))
    Path("no-data.yaml").write_text(
        "evaluation: {metrics: {distance: {use: frechet-distance, network: pixels},"
        " classes: {use: caption-diversity, network: pixels}}}"
    )
    monkeypatch.setattr("attnforge.evaluate.extracting.Extraction.rows", None)
    assert attnforge(["eval", "mine", "--protocol", "no-data.yaml", *CPU]) == 1
    shown = refused(capsys, "no-reference")
    assert "the metrics distance compare" in shown
    assert "attnforge eval mine data.use=folder data.root=" in shown


@pytest.mark.parametrize("name", ["attngan-2018", "coco-30k", "cub-30k", "dfgan", "dmgan-pytorch", "offline"])
def test_shipped_protocols_can_be_read_and_say_how_they_deviate(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import attnforge_imagenet.plugin as imagenet_plugin

    from attnforge.evaluate.protocols import resolve_protocol
    from attnforge.plugin import load_plugins

    plugins = load_plugins(extra=[("imagenet", imagenet_plugin)])
    protocol = resolve_protocol(name, plugins=plugins)
    assert protocol.live.summary
    assert protocol.live.deviations
    assert protocol.live.evaluation.metrics
    assert set(protocol_names()) == {path.stem for path in shipped_protocols().iterdir()}
