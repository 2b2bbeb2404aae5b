"""GAWWN's parts: places that shape images, key points that are generated, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from attnforge_gawwn.box_discriminator import BoxDiscriminator
from attnforge_gawwn.box_generator import BoxGenerator
from attnforge_gawwn.keypoint_discriminator import KeypointDiscriminator
from attnforge_gawwn.keypoint_generator import KeypointGenerator
from attnforge_gawwn.layout import Layout
from attnforge_gawwn.layout_task import LayoutTask
from attnforge_gawwn.warping import crop, paste
from attnforge_sketch_birds.dataset import SketchBirds
from official_gawwn import prompt_of
from small_widths import small

from attnforge.api.model import load
from attnforge.cli import run as attnforge
from attnforge.errors import AttnforgeError, RecipeError
from attnforge.interfaces import Progress
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.specs import DataSpec, DiscriminatorSpec, GeneratorSpec
from attnforge.testing.checks.task import batch
from attnforge.testing.examples.specs import spec_for
from attnforge.train.progress import ConsoleReporter

BOX, POINTS = {"box": (4,)}, {"keypoints": (15, 3)}
SMALL: dict[str, Any] = {"image_size": 64, "channels": 2, "noise": 3}
SENTENCES = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))


def box_generator(**options: Any) -> BoxGenerator:
    torch.manual_seed(0)
    return BoxGenerator(GeneratorSpec(words=6, extras=options.pop("extras", BOX)), **{**SMALL, **options})


def keypoint_generator(**options: Any) -> KeypointGenerator:
    torch.manual_seed(0)
    return KeypointGenerator(GeneratorSpec(words=6, extras=POINTS), **{**SMALL, **options})


def test_a_pasted_map_lies_in_its_box_and_cropping_restores_it() -> None:
    boxes = torch.tensor([[0.25, 0.5, 0.5, 0.25]])
    pasted = paste(torch.ones(1, 1, 16, 16), boxes)[0, 0]
    rows, columns = torch.nonzero(pasted.sum(dim=1) > 0.5), torch.nonzero(pasted.sum(dim=0) > 0.5)
    assert (int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())) == (8, 11, 4, 11)
    smooth = torch.linspace(-1, 1, 16).expand(1, 1, 16, 16)
    restored = crop(paste(smooth, boxes), boxes)[..., 3:-3, 3:-3]
    torch.testing.assert_close(restored, smooth[..., 3:-3, 3:-3], atol=0.1, rtol=0)


@pytest.mark.parametrize("elements", [1, 2])
def test_gradients_reach_the_box(elements: int) -> None:
    """Warps are differentiable samplers: an image could tell where its box should be."""
    generator = box_generator(elements=elements).eval()
    box = torch.tensor([[0.2, 0.3, 0.5, 0.4]] * 2, requires_grad=True)
    image = generator(torch.randn(2, generator.noise), prompt_of(SENTENCES[:2], box=box)).images[0]
    image.square().sum().backward()
    assert box.grad is not None
    assert bool(box.grad.isfinite().all())
    assert bool((box.grad != 0).all())


def test_every_element_may_have_a_box_of_its_own() -> None:
    generator = box_generator(elements=2, extras={"box": (2, 4)}).eval()
    boxes = torch.tensor([[[0.1, 0.1, 0.3, 0.3], [0.6, 0.6, 0.3, 0.3]]] * 2)
    noise = torch.randn(2, 6)
    image = generator(noise, prompt_of(SENTENCES[:2], box=boxes)).images[0]
    swapped = generator(noise, prompt_of(SENTENCES[:2], box=boxes.flip(1))).images[0]
    assert image.shape == (2, 3, 64, 64)
    assert not torch.equal(image, swapped)


def test_a_discriminator_of_several_elements_sees_each() -> None:
    """The official one cannot run with several; with the same box for all it is that of one."""
    spec = DiscriminatorSpec(image_size=64, sentence=6, extras=BOX)
    single, double = BoxDiscriminator(spec, channels=2), BoxDiscriminator(spec, channels=2, elements=2)
    double.load_state_dict(single.state_dict())
    prompt = prompt_of(SENTENCES, box=torch.tensor([[0.1, 0.2, 0.5, 0.6]] * 4))
    images = torch.rand(4, 3, 64, 64) * 2 - 1
    for mode in (True, False):
        first, second = single.train(mode)(images, prompt), double.train(mode)(images, prompt)
        torch.testing.assert_close(first, second, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("build", "code"),
    [
        (lambda: box_generator(extras={}), "no-box"),
        (lambda: box_generator(extras=POINTS), "no-box"),
        (lambda: box_generator(extras={"box": (3, 4)}, elements=2), "no-box"),
        (lambda: KeypointGenerator(GeneratorSpec(words=6, extras=BOX)), "no-keypoints"),
        (lambda: KeypointGenerator(GeneratorSpec(words=6, extras={"keypoints": (15, 2)})), "no-keypoints"),
        (lambda: BoxDiscriminator(DiscriminatorSpec(image_size=64, sentence=6)), "no-box"),
        (lambda: BoxDiscriminator(DiscriminatorSpec(image_size=32, sentence=6, extras=BOX)), "image-size"),
        (lambda: KeypointDiscriminator(DiscriminatorSpec(image_size=64, sentence=6)), "no-keypoints"),
    ],
)
def test_data_that_do_not_fit_are_refused_when_parts_are_built(build: Any, code: str) -> None:
    with pytest.raises(RecipeError) as caught:
        build()
    assert caught.value.problems[0].code == code
    assert caught.value.problems[0].expected


def test_points_that_are_not_given_are_generated_and_others_stay() -> None:
    generator = keypoint_generator(layout=Layout(channels=2, noise=3)).eval()
    assert generator.completed_extras == {"keypoints"}
    points = torch.full((2, 15, 3), -1.0)
    points[:, 1] = torch.tensor([0.75, 0.25, 1])
    points[:, 2] = 0  # said to be invisible
    output = generator(torch.randn(2, 3), prompt_of(SENTENCES[:2], keypoints=points))
    completed = output.extras["keypoints"]
    assert torch.equal(completed[:, 1:3], points[:, 1:3])
    generated = torch.cat((completed[:, :1], completed[:, 3:]), dim=1)
    assert bool(((generated > 0) & (generated < 1)).all())
    assert keypoint_generator().completed_extras == frozenset()


def test_training_takes_the_points_of_the_data_and_leaves_the_layout_alone() -> None:
    generator = keypoint_generator(layout=Layout(channels=2, noise=3)).train()
    output = generator(torch.randn(4, 3), prompt_of(SENTENCES, keypoints=torch.rand(4, 15, 3)))
    output.images[0].square().sum().backward()
    assert output.extras == {}
    assert generator.layout is not None
    assert all(weight.grad is None for weight in generator.layout.parameters())


def layout_task(**options: Any) -> LayoutTask:
    spec = spec_for("task", Path())
    torch.manual_seed(0)
    generator = KeypointGenerator(
        GeneratorSpec(words=spec.text.dim, extras=POINTS), **SMALL, layout=Layout(channels=16, noise=4)
    )
    return LayoutTask(replace(spec, generator=generator), discriminator_channels=16, **options)


def test_a_step_trains_the_layout_and_nothing_else() -> None:
    task = layout_task()
    networks = {name: network for name, network in task.networks().items() if name != "image"}
    before = {name: [weight.clone() for weight in network.parameters()] for name, network in networks.items()}
    extras = {"keypoints": torch.rand(4, 15, 3)}
    scalars = task.step(
        replace(batch(), extras=extras), progress=Progress(step=0, steps=1, batch_size=4, images=8)
    )
    assert list(scalars) == ["D layout", "G layout"]
    changed = {
        name: any(not torch.equal(*pair) for pair in zip(before[name], network.parameters(), strict=True))
        for name, network in networks.items()
    }
    assert changed == {"text": False, "layout": True, "layout-discriminator": True}


@pytest.mark.long
def test_the_layout_learns_how_points_lie() -> None:
    """Generated layouts come nearer to those of sketched birds, of which each is somewhere else."""
    task = layout_task(generator_learning_rate=1e-3, discriminator_learning_rate=1e-3)
    birds = SketchBirds(
        DataSpec(split="train", image_size=64), count=400, facings=("left",), roam=True, extras=("keypoints",)
    )
    real = torch.stack([birds.sample(index, seed=index).extras["keypoints"] for index in range(400)])
    sentences = torch.randn(128, spec_for("task", Path()).text.dim)

    def distance() -> float:
        task.layout.eval()
        with torch.no_grad():
            points = task.layout(torch.randn(128, 4), sentences, torch.zeros(128, 15, 3))
        return float(torch.cdist(points.flatten(1), real.flatten(1)).min(dim=1).values.mean())

    torch.manual_seed(1)
    before = distance()
    for step in range(900):
        extras = {"keypoints": real[torch.randint(400, (64,))]}
        scalars = task.step(
            replace(batch(seed=step, count=64), extras=extras),
            progress=Progress(step=step, steps=900, batch_size=64, images=400),
        )
        assert all(bool(value.isfinite()) for value in scalars.values())
    assert distance() < 0.85 * before


def test_the_task_of_a_generator_without_layout_is_refused() -> None:
    with pytest.raises(RecipeError) as caught:
        LayoutTask(replace(spec_for("task", Path()), generator=keypoint_generator()))
    assert caught.value.problems[0].code == "no-layout"


@pytest.mark.parametrize(
    ("overrides", "refused"),
    [
        (["phases.layout=null"], True),
        (["phases.layout=null", "generator.layout=null"], False),
        (["phases.layout=null", "pretrained={generator.layout: runs/other}"], False),
        ([], False),
    ],
)
def test_a_layout_that_nothing_trains_is_refused(overrides: list[str], refused: bool) -> None:
    def problems() -> list[str]:
        try:
            resolve("gawwn-keypoints-sketch-birds", overrides=overrides)
        except AttnforgeError as error:
            return [problem.code for problem in error.problems]
        return []

    assert problems() == (["untrained-layout"] if refused else [])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the recipe with key points at small width; not to be changed."""
    root = tmp_path_factory.mktemp("gawwn")
    overrides = [*small("gawwn-keypoints-sketch-birds", root), "evaluation.metrics={}"]
    resolved = resolve("gawwn-keypoints-sketch-birds", overrides=overrides)
    assert train(resolved, root / "run", resume=False, reporter=ConsoleReporter()).finished
    return root / "run"


def test_a_caption_is_enough_and_given_points_are_kept(run: Path) -> None:
    model = load(run, device="cpu")
    (generated,) = model("a red bird")
    points = generated.extras["keypoints"]
    assert points.shape == (15, 3)
    assert ((points > 0) & (points < 1)).all()
    (again,) = model("a red bird", keypoints=points.round(3) * [1, 1, 0] + [0, 0, 1])
    assert (again.extras["keypoints"][:, 2] == 1).all()
    with pytest.raises(AttnforgeError, match="45 numbers"):
        model("a red bird", keypoints=[0.5, 0.5, 1])


def test_the_command_draws_generated_points_on_its_sheet_and_names_mistakes(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sample", str(run), "a red bird", "-n", "1", "--device", "cpu", "--out", str(tmp_path)]
    assert attnforge(command) == 0
    assert (tmp_path / "sheet.png").is_file()
    capsys.readouterr()
    for extra, code in (("box=0.1,0.2,0.5,0.6", "unknown-extra"), ("keypoints=0.5,0.5,1", "bad-extra")):
        assert attnforge([*command, "--with", extra]) == 1
        shown = capsys.readouterr().err
        assert f"error[{code}]" in shown
        assert "Traceback" not in shown
