"""The multi-stage generator: any number of stages, any base size, and captions that stay apart."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.stages import InitialStage, RefineStage
from attnforge_gan.conditioning import Augmentation
from torch import Tensor, nn

from attnforge.errors import RecipeError
from attnforge.interfaces import Attention, Build, Conditioner, Generator, Stage, TextFeatures
from attnforge.specs import AttentionSpec, ConditionerSpec, GeneratorSpec, StageSpec

REFINE: Build[Stage] = partial(RefineStage, attention=WordAttention, residual_blocks=1)


def built(*, stages: int = 3, base_size: int = 8, **options: Any) -> MultiStageGenerator:
    torch.manual_seed(0)
    return MultiStageGenerator(
        GeneratorSpec(words=6),
        conditioner=partial(Augmentation, dim=5),
        stages=[InitialStage, *[REFINE] * (stages - 1)],
        channels=4,
        base_size=base_size,
        noise=7,
        **options,
    )


def text(lengths: list[int], *, longest: int = 5, seed: int = 0) -> TextFeatures:
    source = torch.Generator().manual_seed(seed)
    padding = torch.arange(longest) >= torch.tensor(lengths)[:, None]
    words = torch.randn(len(lengths), 6, longest, generator=source).masked_fill(padding[:, None], 0)
    return TextFeatures(words, torch.randn(len(lengths), 6, generator=source), padding)


def noise(count: int) -> Tensor:
    return torch.randn(count, 7, generator=torch.Generator().manual_seed(2))


class Mean(nn.Module):
    """A conditioner that draws nothing, so that two calls can be compared."""

    dim = 5

    def __init__(self, spec: ConditionerSpec) -> None:
        super().__init__()
        self.inner = Augmentation(spec, dim=self.dim)

    def forward(self, sentence: Tensor) -> Any:
        drawn = self.inner(sentence)
        return type(drawn)(value=drawn.mean, mean=drawn.mean, logvar=drawn.logvar)


@pytest.mark.parametrize("stages", [1, 2, 3, 4])
@pytest.mark.parametrize("base_size", [4, 8, 16])
def test_any_number_of_stages_and_any_base_size(stages: int, base_size: int) -> None:
    generator = built(stages=stages, base_size=base_size)
    output = generator(noise(2), text([5, 2]), return_attention=True)
    sizes = tuple(base_size * 2**index for index in range(stages))
    assert isinstance(generator, Generator)
    assert generator.image_sizes == sizes
    assert [tuple(image.shape) for image in output.images] == [(2, 3, size, size) for size in sizes]
    assert [tuple(maps.shape) for maps in output.attention] == [(2, 5, size, size) for size in sizes[:-1]]
    assert all(float(image.detach().abs().max()) <= 1 for image in output.images)


def test_the_paper_s_base_size_of_64() -> None:
    generator = built(stages=1, base_size=64).eval()
    assert generator(noise(1), text([3])).images[0].shape == (1, 3, 64, 64)


@pytest.mark.parametrize(("channels", "residual_blocks", "count"), [(32, 2, 7_084_592), (48, 3, 13_811_456)])
def test_parameters_of_the_paper_on_birds_and_coco(channels: int, residual_blocks: int, count: int) -> None:
    refine = partial(RefineStage, attention=WordAttention, residual_blocks=residual_blocks)
    chain: list[Build[Stage]] = [InitialStage, refine, refine]
    with torch.device("meta"):
        generator = MultiStageGenerator(
            GeneratorSpec(words=256), conditioner=Augmentation, stages=chain, channels=channels
        )
    assert sum(weight.numel() for weight in generator.parameters()) == count


def test_attention_is_returned_only_on_request_and_sums_to_one_over_words() -> None:
    generator = built().eval()
    lengths = [5, 1, 3]
    assert generator(noise(3), text(lengths)).attention == ()
    output = generator(noise(3), text(lengths), return_attention=True)
    for maps in output.attention:
        torch.testing.assert_close(maps.sum(dim=1), torch.ones_like(maps[:, 0]))
        assert not maps[text(lengths).padding].any()


def test_an_image_does_not_depend_on_its_batch_mates() -> None:
    generator = built().eval()
    generator.conditioner = Mean(ConditionerSpec(sentence=6))
    lengths = [5, 1, 3]
    together = generator(noise(3), text(lengths), return_attention=True)
    for index, length in enumerate(lengths):
        whole, one = text(lengths), slice(index, index + 1)
        alone = generator(
            noise(3)[one],
            TextFeatures(whole.words[one, :, :length], whole.sentence[one], whole.padding[one, :length]),
            return_attention=True,
        )
        for expected, image in zip(together.images, alone.images, strict=True):
            torch.testing.assert_close(image, expected[one], rtol=1e-4, atol=1e-5)
        for expected, maps in zip(together.attention, alone.attention, strict=True):
            torch.testing.assert_close(maps, expected[one, :length], rtol=1e-4, atol=1e-5)


def test_words_change_the_image_only_behind_the_first_stage() -> None:
    generator = built().eval()
    generator.conditioner = Mean(ConditionerSpec(sentence=6))
    before, after = text([5, 5]), text([5, 5], seed=1)
    after = TextFeatures(after.words, before.sentence, before.padding)
    first, second = generator(noise(2), before), generator(noise(2), after)
    assert torch.equal(first.images[0], second.images[0])
    assert not torch.allclose(first.images[1], second.images[1])


def test_gradients_reach_every_weight_and_are_finite() -> None:
    generator = built()
    output = generator(noise(3), text([5, 1, 3]))
    loss = sum((image.square().mean() for image in output.images), start=output.condition.value.mean())
    loss.backward()
    for name, weight in generator.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.isfinite().all()), name


def test_conditioning_samples_around_the_mean_in_evaluation_mode_too() -> None:
    conditioner = Augmentation(ConditionerSpec(sentence=6), dim=5).eval()
    assert isinstance(conditioner, Conditioner)
    torch.manual_seed(0)
    drawn = conditioner(text([5]).sentence.expand(4000, -1))
    spread = (drawn.value - drawn.mean).std(dim=0)
    torch.testing.assert_close(spread, (0.5 * drawn.logvar[0]).exp(), rtol=0.1, atol=0)
    torch.manual_seed(0)
    assert torch.equal(conditioner(text([5]).sentence.expand(4000, -1)).value, drawn.value)


def test_only_the_last_stage_generates_an_image_if_requested() -> None:
    generator = built(images="last-stage").eval()
    output = generator(noise(2), text([5, 2]), return_attention=True)
    assert generator.image_sizes == (32,)
    assert [tuple(image.shape) for image in output.images] == [(2, 3, 32, 32)]
    assert len(output.attention) == 2


def test_the_parts_keep_their_promises() -> None:
    spec = StageSpec(channels=4, in_channels=None, in_size=None, out_size=8, condition=12, words=6)
    assert isinstance(InitialStage(spec), Stage)
    assert isinstance(WordAttention(AttentionSpec(channels=4, words=6)), Attention)


def test_initial_weights_are_orthogonal_and_gains_near_one() -> None:
    generator = built()
    for module in generator.modules():
        if isinstance(module, nn.Linear):
            rows = module.weight.detach()
            square = rows.T @ rows if rows.shape[0] > rows.shape[1] else rows @ rows.T
            torch.testing.assert_close(square, torch.eye(len(square)), rtol=0, atol=1e-4)
        if isinstance(module, nn.BatchNorm2d):
            assert bool(((module.weight - 1).abs() < 0.2).all())
            assert float(module.weight.detach().std()) > 0
            assert not module.bias.any()


class Weightless:
    """A stage that is no module."""

    def __init__(self, spec: StageSpec) -> None:
        self.spec = spec

    def __call__(self, *given: Any, **options: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("stages", "base_size", "code"),
    [
        ([], 8, "no-stages"),
        ([REFINE], 8, "stage-order"),
        ([InitialStage, InitialStage], 8, "stage-order"),
        ([InitialStage], 12, "image-size"),
        ([InitialStage], 2, "image-size"),
        ([Weightless], 8, "not-a-module"),
    ],
)
def test_chains_that_cannot_work_are_refused(stages: list[Any], base_size: int, code: str) -> None:
    with pytest.raises(RecipeError) as raised:
        MultiStageGenerator(
            GeneratorSpec(words=6), conditioner=Augmentation, stages=stages, channels=4, base_size=base_size
        )
    assert [problem.code for problem in raised.value.problems] == [code]


def test_stages_have_channels_of_their_own() -> None:
    network = MultiStageGenerator(
        GeneratorSpec(words=6),
        conditioner=partial(Augmentation, dim=3),
        stages=[InitialStage, partial(RefineStage, attention=WordAttention, residual_blocks=1)],
        channels=(6, 4),
        base_size=8,
        noise=2,
    )
    assert [head.convolution.in_channels for head in network.heads] == [6, 4]
    with pytest.raises(RecipeError) as raised:
        MultiStageGenerator(
            GeneratorSpec(words=6),
            conditioner=partial(Augmentation, dim=3),
            stages=[InitialStage],
            channels=(6, 4),
        )
    assert raised.value.problems[0].code == "stage-channels"


def test_normalised_noise_has_no_length() -> None:
    generator = built(stages=2, normalise_noise=True)
    generator.conditioner = Mean(ConditionerSpec(sentence=6))
    generator.eval()
    captions, vectors = text([3, 5]), noise(2)
    lengths = torch.tensor([[0.5], [3.0]])
    with torch.no_grad():
        images = generator(vectors, captions).images[-1]
        torch.testing.assert_close(generator(lengths * vectors, captions).images[-1], images)
        assert not torch.allclose(generator(-vectors, captions).images[-1], images)
        unit = vectors / vectors.square().mean(dim=1, keepdim=True).sqrt()
        generator.normalise_noise = False
        torch.testing.assert_close(generator(unit, captions).images[-1], images)


def test_binary_noise_is_the_sign_of_the_first_numbers() -> None:
    generator = built(stages=2, binary_noise=3, normalise_noise=True)
    generator.conditioner = Mean(ConditionerSpec(sentence=6))
    generator.eval()
    captions, vectors = text([3, 5]), noise(2)
    rest = vectors[:, 3:] / vectors[:, 3:].square().mean(dim=1, keepdim=True).sqrt()
    expected = torch.cat((vectors[:, :3].sign(), rest), dim=1)
    with torch.no_grad():
        images = generator(vectors, captions).images[-1]
        generator.binary_noise, generator.normalise_noise = 0, False
        torch.testing.assert_close(generator(expected, captions).images[-1], images)
    with pytest.raises(RecipeError) as caught:
        built(binary_noise=8)
    assert caught.value.problems[0].code == "binary-noise"


def test_the_first_number_of_the_noise_mirrors_images_and_maps_that_are_sampled() -> None:
    generator = built(stages=2, mirror=True, binary_noise=1)
    generator.conditioner = Mean(ConditionerSpec(sentence=6))
    generator.eval()
    captions, vectors = text([3, 5]), torch.cat((torch.tensor([[0.5], [2]]), noise(2)[:, 1:]), dim=1)
    other_side = vectors * torch.tensor([-3.0] + [1] * 6)
    with torch.no_grad():
        ordinary = generator(vectors, captions, return_attention=True)
        turned = generator(other_side, captions, return_attention=True)
        for before, after in zip(ordinary.images, turned.images, strict=True):
            assert torch.equal(after, before.flip(3))
            assert not torch.equal(after, before)
        assert torch.equal(turned.attention[0], ordinary.attention[0].flip(3))
        for stage in generator.stages:
            stage.eval()
        generator.training = True  # without the noise of other parts' training modes
        for before, after in zip(
            generator(vectors, captions).images, generator(other_side, captions).images, strict=True
        ):
            assert torch.equal(after, before)
    with pytest.raises(RecipeError) as caught:
        built(mirror=True, binary_noise=7)
    assert caught.value.problems[0].code == "binary-noise"
    boxed = partial(MultiStageGenerator, GeneratorSpec(words=6, extras={"box": (4,)}), channels=4)
    with pytest.raises(RecipeError) as caught:
        boxed(conditioner=Augmentation, stages=[InitialStage], mirror=True)
    assert caught.value.problems[0].code == "moving-images"
