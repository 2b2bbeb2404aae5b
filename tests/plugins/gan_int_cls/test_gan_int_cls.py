"""GAN-INT-CLS's parts: biases that are reset, interpolated sentences, and what the loss asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from attnforge_gan_int_cls.discriminator import MatchingAwareDiscriminator
from attnforge_gan_int_cls.generator import DeepConvolutionalGenerator
from attnforge_gan_int_cls.interpolation import Interpolation
from attnforge_gan_int_cls.losses import MatchingAwareLoss, loss_of_fake, loss_of_real
from official_gan_int_cls import official_discriminator, official_generator, official_images, prompt_of
from torch import Tensor, nn

from attnforge.errors import RecipeError
from attnforge.interfaces import AdversarialStep, Batch, Discriminator, Generator, Progress
from attnforge.specs import DiscriminatorSpec, GeneratorSpec, LossSpec

LOSS_SPEC = LossSpec(words=48, vocabulary_size=9, image_sizes=(64,), unconditional=False, image_encoder=False)
SENTENCES = torch.randn(4, 48, generator=torch.Generator().manual_seed(1))


def convolution_biases(network: nn.Module) -> list[Tensor]:
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    return [layer.bias for layer in layers if layer.bias is not None]


def step(*, classes: list[int] | None = None) -> AdversarialStep:
    torch.manual_seed(0)
    generator, discriminator = official_generator().train(), official_discriminator().train()
    assert isinstance(generator, Generator)
    assert isinstance(discriminator, Discriminator)
    prompt, images = prompt_of(SENTENCES), official_images("real64")
    batch = Batch(
        image=images,
        tokens=torch.ones(4, 1, dtype=torch.long),
        lengths=torch.ones(4, dtype=torch.long),
        class_ids=torch.tensor(classes or [0, 1, 2, 3]),
        captions=("", "", "", ""),
        keys=("a", "b", "c", "d"),
    )
    return AdversarialStep(
        batch=batch,
        progress=Progress(step=0, steps=1, batch_size=4, images=4),
        prompt=prompt,
        real=(images,),
        fake=generator(torch.randn(4, 12), prompt),
        generator=generator,
        discriminators=(discriminator,),
    )


@pytest.mark.parametrize("kind", ["generator", "discriminator"])
def test_biases_are_reset_in_training_and_kept_otherwise(kind: str) -> None:
    network: nn.Module
    if kind == "generator":
        network = DeepConvolutionalGenerator(
            GeneratorSpec(words=48), channels=2, noise=12, official_bias="zero"
        )
        inputs = torch.randn(4, 12)
    else:
        spec = DiscriminatorSpec(image_size=64, sentence=48)
        network = MatchingAwareDiscriminator(spec, channels=2, official_bias="zero")
        inputs = official_images("real64")
    assert all(float(bias.detach().abs().max()) == 0 for bias in convolution_biases(network))
    with torch.no_grad():
        for bias in convolution_biases(network):
            bias.fill_(0.5)
    network.eval()(inputs, prompt_of(SENTENCES))
    assert all(torch.all(bias == 0.5) for bias in convolution_biases(network))
    output = network.train()(inputs, prompt_of(SENTENCES))
    assert all(torch.all(bias == 0) for bias in convolution_biases(network))
    (output.images[0] if kind == "generator" else output).square().sum().backward()
    gradients = [bias.grad for bias in convolution_biases(network)]
    assert all(gradient is not None and bool(gradient.isfinite().all()) for gradient in gradients)


def test_every_other_image_size_is_refused() -> None:
    with pytest.raises(RecipeError) as raised:
        MatchingAwareDiscriminator(DiscriminatorSpec(image_size=32, sentence=4))
    assert raised.value.problems[0].code == "image-size"


def test_the_discriminator_s_loss_weighs_mismatched_and_fake_pairs() -> None:
    made = step()
    network = made.discriminators[0]
    assert isinstance(network, nn.Module)
    network.eval()
    features, fake = network.features(made.real[0]), network.features(made.fake.images[0].detach())
    real_loss = loss_of_real(network.logits(features, made.prompt))
    wrong_loss = loss_of_fake(network.logits(features, made.prompt.rows(torch.tensor([1, 2, 3, 0]))))
    fake_loss = loss_of_fake(network.logits(fake, made.prompt))
    (term,) = MatchingAwareLoss(LOSS_SPEC, mismatched_share=0.25).discriminator(made).values()
    torch.testing.assert_close(term, real_loss + 0.25 * wrong_loss + 0.75 * fake_loss)
    (alike,) = MatchingAwareLoss(LOSS_SPEC).discriminator(step(classes=[5, 5, 5, 5])).values()
    assert bool(alike.isfinite())


def test_interpolation_adds_half_as_many_images_to_the_generator_s_batch() -> None:
    shapes = []

    class Counting(MatchingAwareDiscriminator):
        def features(self, images: Tensor) -> Tensor:
            shapes.append(len(images))
            return super().features(images)

    counting = Counting(DiscriminatorSpec(image_size=64, sentence=48), channels=2)
    made = replace(step(), discriminators=(counting,))
    MatchingAwareLoss(LOSS_SPEC).generator(made)
    MatchingAwareLoss(LOSS_SPEC, interpolation=Interpolation()).generator(made)
    assert shapes == [4, 6]


def test_a_weight_of_interpolated_sentences_changes_the_sum_and_not_the_divisor() -> None:
    values = []
    for weight in (0.0, 1.0, 2.0):
        made = step()
        torch.manual_seed(5)
        loss = MatchingAwareLoss(LOSS_SPEC, interpolation=Interpolation(weight=weight))
        values.append(loss.generator(made)["adversarial 64"].item())
    assert values[1] - values[0] == pytest.approx(values[2] - values[1], rel=1e-4)
    assert values[1] > values[0]


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_random_places_lie_on_the_line_through_two_sentences(rows: int) -> None:
    torch.manual_seed(0)
    prompt = prompt_of(torch.randn(rows, 3))
    longer = Interpolation(where="random").added_to(prompt)
    assert len(longer.sentence) == len(longer.words) == rows + rows // 2
    assert torch.equal(longer.sentence[:rows], prompt.sentence)
    for row in range(rows // 2):
        first, second = prompt.sentence[row], prompt.sentence[row + rows // 2]
        places = (longer.sentence[rows + row] - first) / (second - first)
        torch.testing.assert_close(places, places.mean().expand(3), rtol=1e-3, atol=1e-4)
        assert -0.5 <= float(places.mean()) <= 1.5
