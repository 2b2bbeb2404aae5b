"""An adversarial step of the official AttnGAN code, reimplemented from a description.

The networks have the same widths; what differs is how a step goes. Images come from the loader as floats of
every size and are moved one by one. Every discriminator has an optimizer of its own, which goes through its
weights one by one, and its loss is formatted for printing in each step. Real images, wrong pairs and drawn
images are judged in passes of their own. The discriminators' weights keep their gradients in the generator's
step. Gated units take two slices, the words of each caption are matched in a loop, and the moving average
goes through the weights one by one. The frozen image encoder keeps its batch normalisation.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MethodType
from typing import Any, cast

import torch
import torch.nn.functional as F
from attnforge_attngan.doubling import DoublingConvolution
from attnforge_attngan.losses.damsm import DamsmLoss
from attnforge_attngan.stages import RefineStage
from attnforge_gan.losses import HingeLoss
from official_attention import official_region_matching, official_word_attention
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from training_games import Game

from attnforge.data.feeding.collate import EncodedSamples
from attnforge.interfaces import AttentionOutput, Discriminator, ImageFeatures, Prompt, TextFeatures


class OfficialStep:
    """The networks of a workload, trained as in the official code.

    Args:
        game: Whose networks are copied.
        device: Where.
        autocast: Whether forward passes and losses round factors to bfloat16.
    """

    def __init__(self, game: Game, device: torch.device, *, autocast: bool) -> None:
        spec = game.spec_on(device)
        self.device = device
        self.autocast = autocast
        self.text = cast("nn.Module", spec.text)
        self.image = cast("nn.Module", spec.image)
        self.generator = cast("nn.Module", spec.generator)
        self.noise: int = cast("Any", spec.generator).noise
        self.discriminators = [cast("nn.Module", one) for one in spec.discriminators]
        damsm = [one for one in spec.losses.values() if isinstance(one, DamsmLoss)]
        self.damsm = damsm[0] if damsm else None
        self.hinge = any(isinstance(one, HingeLoss) for one in spec.losses.values())
        self.generator_optimizer = _adam(self.generator)
        self.optimizers = [_adam(one) for one in self.discriminators]
        self.averages = [copy.deepcopy(one.data) for one in self.generator.parameters()]
        make_official(self.generator)
        for network in (self.generator, *self.discriminators):
            network.train()

    def step(self, samples: EncodedSamples, images: tuple[Tensor, ...]) -> str:
        """One step; gives the line that would be printed."""
        with sliced_gates():
            return self._step(samples, images)

    def _step(self, samples: EncodedSamples, images: tuple[Tensor, ...]) -> str:
        real = [one.to(self.device) for one in images]
        tokens, lengths = samples.tokens.to(self.device), samples.lengths.to(self.device)
        with self._autocast():
            text = self._read(tokens, lengths)
            noise = torch.randn(len(tokens), self.noise, device=self.device)
            drawn = self.generator(noise, text)
        line = ""
        for number, network in enumerate(self.discriminators):
            network.zero_grad()
            with self._autocast():
                error = self._discriminator_loss(network, real[number], drawn.images[number], Prompt.of(text))
            torch.autograd.backward(error)
            self.optimizers[number].step()
            line += f"errD{number}: {error.item():.2f} "
        self.generator.zero_grad()
        with self._autocast():
            total, logs = self._generator_loss(drawn.images, text, samples)
            if drawn.condition is not None:
                mean, logvar = drawn.condition.mean.float(), drawn.condition.logvar.float()
                divergence = -0.5 * (1 + logvar - mean.pow(2) - logvar.exp()).mean()
                total = total + divergence
                logs += f"kl_loss: {divergence.item():.2f} "
        torch.autograd.backward(total)
        self.generator_optimizer.step()
        for weight, average in zip(self.generator.parameters(), self.averages, strict=True):
            average.mul_(0.999).add_(weight.data, alpha=0.001)
        return line + logs

    def _autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, dtype=torch.bfloat16) if self.autocast else nullcontext()

    @torch.no_grad()
    def _read(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        """The recurrent encoder on packed captions, whose lengths the host asks the device for."""
        encoder = cast("Any", self.text)
        with torch.autocast(self.device.type, enabled=False):
            packed = pack_padded_sequence(encoder.embedding(tokens), lengths.tolist(), batch_first=True)
            outputs, (state, _) = encoder.recurrence(packed)
            words, _ = pad_packed_sequence(outputs, batch_first=True)
            sentence = state.transpose(0, 1).reshape(len(tokens), -1)
        padding = torch.arange(tokens.shape[1], device=self.device)[None] >= lengths[:, None]
        return TextFeatures(words.transpose(1, 2).contiguous(), sentence, padding)

    def _cost(self, logits: Tensor, *, real: bool) -> Tensor:
        if self.hinge:
            return F.relu(1 - logits if real else 1 + logits).mean()
        target = torch.ones_like(logits) if real else torch.zeros_like(logits)
        if self.autocast:  # torch refuses the other form there
            return F.binary_cross_entropy_with_logits(logits, target)
        return F.binary_cross_entropy(logits.sigmoid(), target)

    def _discriminator_loss(self, network: Any, real: Tensor, fake: Tensor, prompt: Prompt) -> Tensor:
        of_real, of_fake = network.features(real), network.features(fake.detach())
        conditional_real = self._cost(network.logits(of_real, prompt), real=True)
        conditional_fake = self._cost(network.logits(of_fake, prompt), real=False)
        rows = torch.arange(len(real), device=self.device)
        wrong = self._cost(network.logits(of_real[:-1], prompt.mismatched(rows[:-1], rows[1:])), real=False)
        plain_real = self._cost(network.logits(of_real, None), real=True)
        plain_fake = self._cost(network.logits(of_fake, None), real=False)
        return (plain_real + conditional_real) / 2 + (plain_fake + conditional_fake + wrong) / 3

    def _generator_loss(
        self, images: tuple[Tensor, ...], text: TextFeatures, samples: EncodedSamples
    ) -> tuple[Tensor, str]:
        total, logs = torch.zeros((), device=self.device), ""
        for number, (network, image) in enumerate(zip(self.discriminators, images, strict=True)):
            judge = cast("Discriminator", network)
            features = judge.features(image)
            cost = self._cost(judge.logits(features, Prompt.of(text)), real=True)
            cost = cost + self._cost(judge.logits(features, None), real=True)
            total = total + cost
            logs += f"g_loss{number}: {cost.item():.2f} "
        if self.damsm is not None:
            encoded: ImageFeatures = self.image(images[-1])
            by_words, by_sentence = self._matching(encoded, text, samples)
            total = total + by_words + by_sentence
            logs += f"w_loss: {by_words.item():.2f} s_loss: {by_sentence.item():.2f} "
        return total, logs

    def _matching(
        self, encoded: ImageFeatures, text: TextFeatures, samples: EncodedSamples
    ) -> tuple[Tensor, Tensor]:
        assert self.damsm is not None  # noqa: S101  (asked before)
        damsm, classes = self.damsm, samples.class_ids
        same = (classes[:, None] == classes[None]) & ~torch.eye(len(classes), dtype=torch.bool)
        mask, own = same.to(self.device), torch.arange(len(classes), device=self.device)
        scores = official_region_matching(
            text.words,
            encoded.regions.flatten(2).to(text.words.dtype),
            samples.lengths,
            gamma1=damsm.gamma1,
            gamma2=damsm.gamma2,
        )
        sentences = F.cosine_similarity(encoded.image.float()[:, None], text.sentence.float()[None], dim=2)
        weight = damsm.weight
        assert isinstance(weight, float), "the official weight does not follow a schedule"  # noqa: S101
        costs = []
        for one in (scores, sentences):
            logits = (damsm.gamma3 * one.float()).masked_fill(mask, float("-inf"))
            costs.append(weight * (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)))
        return costs[0], costs[1]


def _adam(network: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999), foreach=False)


class _OfficialAttention(nn.Module):
    """Word attention by the official formulas, with the projection of ours."""

    def __init__(self, project: nn.Module) -> None:
        super().__init__()
        self.project = project

    def forward(
        self, features: Tensor, text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        words = self.project(text.words)
        context = official_word_attention(features.to(words.dtype), words, text.padding)
        return AttentionOutput(context=context, weights=None)


def make_official(generator: nn.Module) -> None:
    """Let a generator attend by the official formulas, and double its maps before it convolves them."""
    for module in generator.modules():
        if isinstance(module, RefineStage):
            module.attention = _OfficialAttention(cast("Any", module.attention).project)
            module.joins = False
        elif isinstance(module, DoublingConvolution):
            module.forward = MethodType(_double_and_convolve, module)  # type: ignore[method-assign]


def _double_and_convolve(convolution: DoublingConvolution, hidden: Tensor) -> Tensor:
    larger = F.interpolate(hidden, scale_factor=2.0, mode="nearest")
    return F.conv2d(larger, convolution.weight, padding=1)


@contextmanager
def sliced_gates() -> Iterator[None]:
    """Gated linear units from two slices and a sigmoid."""
    joined = F.glu

    def sliced(values: Tensor, dim: int = -1) -> Tensor:
        half = values.shape[dim] // 2
        return values.narrow(dim, 0, half) * values.narrow(dim, half, half).sigmoid()

    F.glu = cast("Any", sliced)
    try:
        yield
    finally:
        F.glu = joined
