"""With official weights, every network gives the official numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from attnforge_attngan.attention import WordAttention
from attnforge_attngan.generator import MultiStageGenerator
from attnforge_attngan.image_inception import InceptionEncoder
from attnforge_attngan.official_keys import DISCRIMINATOR, GENERATOR, IMAGE, TEXT, load_official
from attnforge_attngan.stages import InitialStage, RefineStage
from attnforge_attngan.text import BiGRU, BiLSTM
from attnforge_gan.conditioning import Augmentation
from attnforge_gan.discriminator import JointDiscriminator
from known_steps import prompt_of
from torch import Tensor

from attnforge.errors import RunError
from attnforge.interfaces import Build, Stage, TextFeatures
from attnforge.specs import ConditionerSpec, DiscriminatorSpec, GeneratorSpec, ImageSpec, TextSpec

Read = Callable[[str], dict[str, Tensor]]


def close(given: Tensor, expected: Tensor) -> None:
    """Equal to 1e-4 of the largest value."""
    scale = expected.abs().max().item()
    torch.testing.assert_close(given, expected, rtol=0, atol=1e-4 * scale)


class GivenNoise(Augmentation):
    """Conditioning augmentation whose noise the official run has stored."""

    def __init__(self, spec: ConditionerSpec, *, dim: int, epsilon: Tensor) -> None:
        super().__init__(spec, dim=dim)
        self.epsilon = epsilon

    def draw(self, mean: Tensor, logvar: Tensor) -> Tensor:
        return mean + (0.5 * logvar).exp() * self.epsilon


@pytest.mark.parametrize(("encoder", "cell"), [(BiLSTM, "LSTM"), (BiGRU, "GRU")])
def test_text_encoders(
    golden: Read, official_weights: Read, encoder: type[BiLSTM | BiGRU], cell: str
) -> None:
    expected = golden(f"text_encoder_{cell.lower()}")
    network = encoder(TextSpec(vocabulary_size=60), dim=16).eval()
    load_official(network, official_weights(f"text_encoder_{cell}"), TEXT)
    with torch.no_grad():
        features = network(expected["captions"], expected["lengths"])
    longest = int(expected["lengths"].max())
    close(features.words[:, :, :longest], expected["words"])
    assert not features.words[:, :, longest:].any()
    close(features.sentence, expected["sentence"])


@pytest.mark.filterwarnings("ignore:the image encoder")
def test_image_encoder(golden: Read, official_weights: Read) -> None:
    expected = golden("image_encoder")
    network = InceptionEncoder(ImageSpec(dim=16, image_size=64), align_corners=False).eval()
    load_official(network, official_weights("image_encoder"), IMAGE)
    with torch.no_grad():
        features = network(expected["image"])
    close(features.regions, expected["regions"])
    close(features.image, expected["code"])


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize(("network", "stages"), [("attngan", 3), ("attngan1", 2), ("attndcgan", 3)])
def test_generators(golden: Read, official_weights: Read, network: str, stages: int, mode: str) -> None:
    expected = golden(f"generator_{network}_{mode}")
    refine = partial(RefineStage, attention=WordAttention, residual_blocks=0 if network == "attndcgan" else 2)
    chain: list[Build[Stage]] = [InitialStage, *[refine] * (stages - 1)]
    generator = MultiStageGenerator(
        GeneratorSpec(words=16),
        conditioner=partial(GivenNoise, dim=20, epsilon=expected["eps"]),
        stages=chain,
        channels=8,
        noise=12,
        images="last-stage" if network == "attndcgan" else "every-stage",
    )
    load_official(generator, official_weights(f"generator_{network}"), GENERATOR)
    generator.train(mode == "train")
    text = TextFeatures(expected["words"], expected["sentence"], torch.zeros(3, 6, dtype=torch.bool))
    with torch.no_grad():
        output = generator(expected["noise"], text, return_attention=True)
    close(output.condition.mean, expected["mu"])
    close(output.condition.logvar, expected["logvar"])
    compared = 0
    for name, value in expected.items():
        kind, _, step = name.partition("_every")
        if step:
            tensors = output.images if kind.startswith("image") else output.attention
            close(tensors[int(kind[-1])][..., :: int(step), :: int(step)], value)
            compared += 1
    for index, image in enumerate(output.images):
        close(image.mean(dim=(2, 3)), expected[f"image{index}_mean"])
        close(image.std(dim=(2, 3)), expected[f"image{index}_std"])
    assert compared == len(output.images) + len(output.attention)


@pytest.mark.parametrize("size", [64, 128, 256])
def test_discriminators(
    golden: Read, official_weights: Read, uniform_images: Callable[[str, int], Tensor], size: int
) -> None:
    expected = golden(f"discriminator{size}")
    network = JointDiscriminator(DiscriminatorSpec(image_size=size, sentence=16), channels=4).eval()
    load_official(network, official_weights(f"discriminator{size}"), DISCRIMINATOR)
    with torch.no_grad():
        features = network.features(uniform_images(f"real{size}", size))
        close(features, expected["features"])
        close(network.logits(features, prompt_of(expected["sentence"])).sigmoid(), expected["conditional"])
        close(network.logits(features, None).sigmoid(), expected["unconditional"])


def test_a_checkpoint_of_other_widths_is_refused(official_weights: Read) -> None:
    network = BiLSTM(TextSpec(vocabulary_size=61), dim=16)
    with pytest.raises(RunError) as raised:
        load_official(network, official_weights("text_encoder_LSTM"), TEXT)
    assert [problem.code for problem in raised.value.problems] == ["other-checkpoint"]


def test_a_foreign_name_is_refused() -> None:
    with pytest.raises(RunError) as raised:
        load_official(BiLSTM(TextSpec(vocabulary_size=9)), {"module.x": torch.zeros(1)}, TEXT)
    assert [problem.code for problem in raised.value.problems] == ["unknown-official-name"]
