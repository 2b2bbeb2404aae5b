"""A run whose data set has extras: they reach training, checkpoints, samples, metrics and commands."""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from boxed_parts import boxed, boxed_plugins
from numpy.typing import NDArray
from PIL import Image

from attnforge.api.model import Model
from attnforge.cli import run as attnforge
from attnforge.errors import AttnforgeError
from attnforge.evaluate.evaluating import evaluate_run
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.run.trial.shapes import check_shapes
from attnforge.sampling.pipeline import Pipeline
from attnforge.train.progress import ConsoleReporter

RESOLVE = import_module("attnforge.recipe.resolve")
NEEDED = import_module("attnforge.recipe.needed")
RED = "a red square"
LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of boxed squares; not to be changed."""
    path = tmp_path_factory.mktemp("boxed") / "run"
    assert train(boxed(), path, resume=False, reporter=ConsoleReporter()).finished
    return path


@pytest.fixture
def pipeline(trained: Path) -> Pipeline:
    return load(trained)


def load(run: Path, **options: Any) -> Pipeline:
    resolved = resolve(run / "recipe.lock.yaml", plugins=boxed_plugins())
    return Pipeline.load(run, device="cpu", resolved=resolved, **options)


def painted(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which pixels are not the grey of the generator's zeros."""
    return (image != 128).any(axis=2)


def inside(box: tuple[float, ...]) -> NDArray[np.bool_]:
    centres = (np.arange(16) + 0.5) / 16
    rows, columns = (
        (centres >= low) & (centres < high)
        for low, high in ((box[1], box[1] + box[3]), (box[0], box[0] + box[2]))
    )
    return np.outer(rows, columns)


def codes(error: pytest.ExceptionInfo[AttnforgeError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def test_a_checkpoint_says_what_its_generator_is_told_and_which_network_generates(trained: Path) -> None:
    for folder in (trained / "checkpoints").iterdir():
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["extras"] == {"box": [4]}
        assert manifest["sampling_network"] == "generator-average"


def test_images_are_painted_inside_the_box_that_is_given(pipeline: Pipeline) -> None:
    (image,) = Model(pipeline)(RED, box=LEFT)
    assert (painted(image.images[-1]) == inside(LEFT)).all()
    assert tuple(image.extras["box"].tolist()) == LEFT
    (left, right) = Model(pipeline)([RED, "a blue square"], box=[LEFT, RIGHT])
    np.testing.assert_array_equal(left.images[-1], image.images[-1])
    assert (painted(right.images[-1]) == inside(RIGHT)).all()


def test_missing_unknown_and_malformed_extras_are_refused_before_anything_is_generated(
    pipeline: Pipeline,
) -> None:
    with pytest.raises(AttnforgeError) as missing:
        Model(pipeline)(RED)
    assert codes(missing) == ["missing-extra"]
    with pytest.raises(AttnforgeError) as unknown:
        pipeline.generate_each([RED], extras={"box": LEFT, "keypoints": [1]})
    assert codes(unknown) == ["unknown-extra"]
    with pytest.raises(AttnforgeError) as malformed:
        pipeline.generate([RED], extras={"box": [0.5]})
    assert codes(malformed) == ["bad-extra"]


def test_fixed_samples_of_test_captions_have_the_boxes_of_their_images(trained: Path) -> None:
    folder = trained / "samples" / "gan-0000002"
    images = [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]
    assert len(images) == 3
    shares = [float(painted(image).mean()) for image in images]
    assert shares == [pytest.approx(0.25)] * 3


def test_metrics_score_images_in_the_boxes_of_the_test_split(trained: Path) -> None:
    """Every box of the data set covers a quarter of its image."""
    overrides = ["evaluation.batch_size=3"]
    resolved = resolve(trained / "recipe.lock.yaml", plugins=boxed_plugins())
    assert resolved.data()["evaluation"]["metrics"].keys() == {"coverage"}
    (measured,) = evaluate_run(
        trained, overrides=overrides, plugins=boxed_plugins(), device="cpu", reporter=ConsoleReporter()
    )
    assert measured.metrics["coverage"] == pytest.approx(0.25)
    assert measured.metrics["captions"] == 12
    result = json.loads((trained / "result.json").read_text())
    assert result["coverage"] == pytest.approx(0.25)


def test_a_recipe_gives_the_extras_of_the_captions_that_it_samples(tmp_path: Path) -> None:
    given = ("samples.captions=[a red square, a blue square]", f"samples.extras.box={[[*LEFT], [*RIGHT]]}")
    assert train(boxed(*given), tmp_path / "run", resume=False, reporter=ConsoleReporter()).finished
    for number, box in enumerate((LEFT, RIGHT)):
        image = np.asarray(Image.open(tmp_path / f"run/samples/gan-0000002/{number:02d}.png"))
        assert (painted(image) == inside(box)).all()


def test_captions_to_sample_without_their_extras_are_refused_before_the_first_step(tmp_path: Path) -> None:
    with pytest.raises(AttnforgeError) as caught:
        train(
            boxed("samples.captions=[a red square]"),
            tmp_path / "run",
            resume=False,
            reporter=ConsoleReporter(),
        )
    assert codes(caught) == ["missing-extra"]
    (problem,) = caught.value.problems
    assert problem.next_step == "attnforge train RECIPE samples.extras.box=[NUMBERS]"
    assert not (tmp_path / "run/metrics.jsonl").exists()


def test_extras_without_captions_to_sample_are_refused_before_the_first_step(tmp_path: Path) -> None:
    resolved = boxed(f"samples.extras.box={[*LEFT]}")
    with pytest.raises(AttnforgeError) as caught:
        train(resolved, tmp_path / "run", resume=False, reporter=ConsoleReporter())
    assert codes(caught) == ["bad-extra"]
    assert "samples.captions" in caught.value.problems[0].message


def test_a_run_with_extras_resumes_to_the_same_scalars(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "run"
    assert train(boxed("phases.gan.steps=2"), path, resume=False, reporter=ConsoleReporter()).finished
    assert train(boxed(), path, resume=True, allow_changes=True, reporter=ConsoleReporter()).finished

    def scalars(run: Path) -> dict[str, float]:
        last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
        return {name: value for name, value in last.items() if name.startswith(("D ", "G "))}

    assert scalars(path) == scalars(trained)
    assert scalars(trained)


def test_shapes_are_checked_with_the_extras_of_the_data() -> None:
    checked = check_shapes(boxed())
    assert (checked.problems, checked.unchecked) == ([], [])


def test_shapes_are_not_checked_while_the_data_that_has_their_extras_is_missing() -> None:
    checked = check_shapes(boxed("data.missing=true"))
    assert checked.problems == []
    assert [remark.rpartition(": ")[2] for remark in checked.unchecked] == ["there is no folder of squares"]


def test_a_generator_that_needs_extras_refuses_data_without_them() -> None:
    (problem,) = check_shapes(boxed("data.boxes=false")).problems
    assert problem.code == "phase-cannot-train"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RESOLVE, "load_plugins", boxed_plugins)
    monkeypatch.setattr(NEEDED, "load_plugins", boxed_plugins)


@pytest.mark.usefixtures("commands")
def test_the_command_samples_with_extras(trained: Path, tmp_path: Path) -> None:
    command = ["sample", str(trained), RED, "a blue square", "-n", "2", "--device", "cpu"]
    box = ",".join(map(str, LEFT))
    assert attnforge([*command, "--with", f"box={box}", "--out", str(tmp_path / "same")]) == 0
    images = sorted((tmp_path / "same").glob("*-seed1-*.png"))
    assert len(images) == 4
    for path in images:
        assert (painted(np.asarray(Image.open(path))) == inside(LEFT)).all()
    other = ",".join(map(str, RIGHT))
    each = ["--with", f"box={box}", "--with", f"box={other}"]
    assert attnforge([*command, *each, "--out", str(tmp_path / "each")]) == 0
    for name, expected in (("red", LEFT), ("blue", RIGHT)):
        for path in (tmp_path / "each").glob(f"*{name}*-seed1-*.png"):
            assert (painted(np.asarray(Image.open(path))) == inside(expected)).all()


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], "missing-extra", "the model needs `box`"),
        (["--with", "box=0,0,1"], "bad-extra", "`box` has 3 numbers"),
        (["--with", "box=0,0,1,nan"], "bad-extra", "`box` is not a list of finite numbers"),
        (["--with", "box=0,0,1,left"], "bad-extra", "`box=0,0,1,left` is not a name with numbers"),
        (["--with", "box"], "bad-extra", "`box` is not a name with numbers"),
        (["--with", "=0,0,1,1"], "bad-extra", "`=0,0,1,1` is not a name with numbers"),
        (["--with", "bx=0,0,1,1"], "unknown-extra", "the model takes no `bx`"),
        (["--with", "box=0.5,0,0.9,1"], "bad-place", "left + width is 1.4, the right border 1"),
        (["--with", "box=0.5,0,-0.2,1"], "bad-place", "has no area: its width is -0.2"),
    ],
)
def test_the_command_refuses_other_extras_and_says_what_to_type(
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: str,
    message: str,
) -> None:
    out = tmp_path / "out"
    assert attnforge(["sample", str(trained), RED, "--device", "cpu", "--out", str(out), *options]) == 1
    shown = capsys.readouterr().err
    assert f"error[{code}]" in shown
    assert message in shown
    assert "--with" in shown
    assert "Traceback" not in shown
    assert not out.exists()


def test_a_checkpoint_of_version_0_1_names_no_network_and_still_loads(
    trained: Path, pipeline: Pipeline, tmp_path: Path
) -> None:
    """Its manifest has neither `sampling_network` nor `extras`; its data had none."""
    path = tmp_path / "run"
    generator = (
        "generator={use: multi-stage, channels: 4, base_size: 16, conditioner: sentence, stages: [initial]}"
    )
    plain = boxed("data.boxes=false", generator)
    assert train(plain, path, resume=False, reporter=ConsoleReporter()).finished
    before = [image.images[-1] for image in load(path).generate([RED])]
    for manifest in path.glob("checkpoints/*/manifest.json"):
        data = json.loads(manifest.read_text())
        assert data.pop("sampling_network") == "generator-average"
        assert data.pop("extras") == {}
        del data["digest"]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        manifest.write_text(json.dumps({**data, "digest": hashlib.sha256(text.encode()).hexdigest()}))
    after = load(path)
    assert after.checkpoint.sampling_network == "generator-average"
    for image, other in zip(before, after.generate([RED]), strict=True):
        np.testing.assert_array_equal(image, other.images[-1])


def test_without_an_average_the_trained_generator_is_named_and_sampled(tmp_path: Path) -> None:
    path = tmp_path / "run"
    task = "phases.gan.task={use: gan, average: null}"
    assert train(boxed(task), path, resume=False, reporter=ConsoleReporter()).finished
    assert load(path).checkpoint.sampling_network == "generator"
    lock = yaml.safe_load((path / "recipe.lock.yaml").read_text())
    assert lock["phases"]["gan"]["task"]["average"] is None
    (image,) = Model(load(path))(RED, box=LEFT)
    assert (painted(image.images[-1]) == inside(LEFT)).all()
