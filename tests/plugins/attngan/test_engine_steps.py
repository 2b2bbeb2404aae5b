"""The two tasks under an engine: rounded, laid out, recorded, and never waiting for a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
import torch
from attnforge_attngan.losses.damsm import DamsmLoss
from attnforge_attngan.tasks.matching import MatchingTask
from attnforge_attngan.text import BiGRU, BiLSTM
from attnforge_gan.divergence import ConditioningLoss
from attnforge_gan.losses import BinaryCrossEntropyLoss
from known_steps import SPEC
from small_game import at, batch, judges_of, play, spec, state
from torch import Tensor, nn

from attnforge.adversarial.task import AdversarialTask
from attnforge.compute.engine import Engine
from attnforge.interfaces import Batch
from attnforge.specs import TaskSpec, TextSpec

META = torch.device("meta")


def whole_spec() -> TaskSpec:
    return spec(
        adversarial=BinaryCrossEntropyLoss(SPEC),
        damsm=DamsmLoss(SPEC, image_noise=0.1),
        kl=ConditioningLoss(SPEC),
    )


def game(**options: object) -> AdversarialTask:
    engine = Engine(**options)  # type: ignore[arg-type]
    made = whole_spec()
    for network in (made.text, made.image, made.generator, *made.discriminators):
        assert isinstance(network, nn.Module)
        engine.arranged(network)
    return AdversarialTask(replace(made, engine=engine))


def on_meta(made: TaskSpec) -> TaskSpec:
    def moved(network: object) -> nn.Module:
        assert isinstance(network, nn.Module)
        return network.to(META)

    return replace(
        made,
        text=moved(made.text),
        image=moved(made.image),
        generator=moved(made.generator),
        discriminators=tuple(map(moved, made.discriminators)),
        engine=Engine(device=META),
    )


def batch_on_meta() -> Batch:
    made = batch()
    levels = torch.zeros(made.image.shape, dtype=torch.uint8)
    moved = {name: getattr(made, name).to(META) for name in ("image", "tokens", "lengths", "class_ids")}
    return replace(made, **moved, levels=levels.to(META))


@pytest.mark.parametrize("make", [AdversarialTask, MatchingTask])
def test_a_step_never_reads_numbers_from_the_device(make: Callable[[TaskSpec], object]) -> None:
    """On `meta` there are none to read, so whatever asks for one raises: each would wait for a GPU."""
    task = make(on_meta(whole_spec()))
    assert isinstance(task, AdversarialTask | MatchingTask)
    for _ in range(2):
        scalars = task.step(batch_on_meta(), progress=at(0))
        assert {value.device.type for value in scalars.values()} == {"meta"}


def test_reading_a_number_on_meta_raises() -> None:
    """What the test above rests on."""
    values = torch.zeros(3, device=META)
    for read in (
        Tensor.tolist,
        Tensor.item,
        Tensor.nonzero,
        lambda one: bool(one[0]),
        lambda one: one[one > 0],
    ):
        with pytest.raises((RuntimeError, NotImplementedError)):
            read(values)


@pytest.mark.parametrize("encoder", [BiLSTM, BiGRU])
@pytest.mark.parametrize("sentence", ["last", "mean"])
def test_captions_are_read_alike_packed_and_unpacked(encoder: type[BiLSTM | BiGRU], sentence: str) -> None:
    torch.manual_seed(3)
    network = encoder(TextSpec(vocabulary_size=20), dim=12, embedding=7, sentence=sentence)  # type: ignore[arg-type]
    lengths = torch.tensor([1, 6, 9, 4])
    embedded = torch.randn(4, 9, 7, requires_grad=True)
    packed, unpacked = network.read_packed(embedded, lengths), network.read_unpacked(embedded, lengths)
    for one, other in zip(packed, unpacked, strict=True):
        torch.testing.assert_close(one, other)
    weights = [embedded, *network.recurrence.parameters()]
    gradients = [
        torch.autograd.grad((words.square().sum() + last.sum()), weights)
        for words, last in (packed, unpacked)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_weights_that_a_discriminator_froze_stay_frozen() -> None:
    made = whole_spec()
    frozen = next(iter(made.discriminators[0].parameters()))  # type: ignore[attr-defined]
    frozen.requires_grad_(False)
    before = frozen.clone()
    task = AdversarialTask(made)
    for step in range(3):
        play(task, seed=step)
        assert not frozen.requires_grad
    assert torch.equal(frozen, before)
    others = [one for judge in judges_of(task).values() for one in judge.parameters() if one is not frozen]
    assert all(one.requires_grad for one in others)


def test_discriminators_learn_again_after_a_generators_step_that_failed() -> None:
    class Failing(ConditioningLoss):
        def generator(self, step: object) -> dict[str, Tensor]:
            raise RuntimeError("no")

    task = AdversarialTask(spec(adversarial=BinaryCrossEntropyLoss(SPEC), failing=Failing(SPEC)))
    with pytest.raises(RuntimeError, match="no"):
        play(task)
    assert all(one.requires_grad for judge in judges_of(task).values() for one in judge.parameters())


@pytest.mark.parametrize("precision", ["bf16", pytest.param("fp16", marks=pytest.mark.long)])
def test_fifty_rounded_steps_stay_near_those_in_float32(precision: str) -> None:
    """Losses of the last steps differ by less than a tenth of their size, and all weights stay float32."""
    exact, rounded = game(), game(precision=precision, channels_last=True)
    curves: list[tuple[Mapping[str, float], Mapping[str, float]]] = []
    for step in range(50):
        curves.append((play(exact, seed=step), play(rounded, seed=step)))
    assert curves[0][0].keys() == curves[0][1].keys()
    for name in curves[0][0]:
        ours, theirs = (sum(pair[side][name] for pair in curves[-10:]) / 10 for side in (1, 0))
        assert ours == pytest.approx(theirs, rel=0.1, abs=0.02), name
    for name, network in rounded.networks().items():
        kinds = {value.dtype for value in network.state_dict().values() if value.is_floating_point()}
        assert kinds == {torch.float32}, name


def test_rounding_leaves_losses_in_float32() -> None:
    scalars = game(precision="bf16").step(batch(), progress=at(0))
    assert {value.dtype for value in scalars.values()} == {torch.float32}
    encoders = MatchingTask(replace(spec(), engine=Engine(precision="bf16")))
    assert {value.dtype for value in encoders.step(batch(), progress=at(0)).values()} == {torch.float32}


@pytest.mark.parametrize("channels_last", [True, None])
def test_channels_last_gives_the_same_steps_and_keeps_weights_laid_out(channels_last: bool | None) -> None:
    plain, last = game(channels_last=False), game(channels_last=channels_last)
    for step in range(2):
        assert play(last, seed=step) == pytest.approx(play(plain, seed=step), rel=1e-4)
    for name, network in last.networks().items():
        for key, value in network.state_dict().items():
            if value.ndim == 4:
                assert value.is_contiguous(memory_format=torch.channels_last), f"{name} {key}"
            torch.testing.assert_close(value, plain.networks()[name].state_dict()[key], rtol=1e-3, atol=1e-4)


def test_discriminators_with_large_weights_see_images_as_planes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnforge.compute.engine.MIN_PLANAR_WEIGHT", 0)
    planar = game(channels_last=None)
    planar.generator.to(memory_format=torch.channels_last)
    seen: list[Tensor] = []
    for network in planar.discriminators.values():
        monkeypatch.setattr(network, "features", _noting(network.features, seen))
    assert play(planar, seed=0) == pytest.approx(play(game(), seed=0), rel=1e-4)
    assert seen
    assert all(images.is_contiguous() for images in seen)


def _noting(features: Callable[[Tensor], Tensor], seen: list[Tensor]) -> Callable[[Tensor], Tensor]:
    def noting(images: Tensor) -> Tensor:
        seen.append(images)
        return features(images)

    return noting


def test_what_is_captured_is_the_step_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function that would be captured, called with copies as a graph reads them, makes the same step."""

    def from_copies(
        engine: Engine, made: Callable[[Mapping[str, Tensor]], dict[str, Tensor]], *, name: str
    ) -> Callable[[Mapping[str, Tensor]], dict[str, Tensor]]:
        places: dict[str, Tensor] = {}

        def replayed(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
            for key, value in inputs.items():
                places.setdefault(key, torch.empty_like(value)).copy_(value)
            assert places.keys() == inputs.keys()
            return {key: value.clone() for key, value in made(places).items()}

        return replayed

    straight = game()
    monkeypatch.setattr(Engine, "graphed", from_copies)
    copied = game()
    for step in range(3):
        assert play(straight, seed=step) == play(copied, seed=step)
    for name, network in straight.networks().items():
        other = state(copied.networks()[name])
        for key, value in network.state_dict().items():
            assert torch.equal(value, other[key]), f"{name} {key}"
