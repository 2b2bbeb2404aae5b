"""The networks of a run as graphs of tensors: captions to features, features and noise to images."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from attnforge.errors import Problem, RunError
from attnforge.export.draws import GivenDraws, RecordedDraws
from attnforge.interfaces import Generator, GeneratorOutput, Prompt, TextEncoder, TextFeatures
from attnforge.kernels.dispatch import portable
from attnforge.sampling.generating import sampler_of
from attnforge.sampling.noise import NoiseSampler
from attnforge.sampling.pipeline import Pipeline
from attnforge.storage.captions import fixed_captions

MIN_WORDS = 24
"""Words of a caption that a graph reads at least, by default."""
EXAMPLES = 3
"""Rows of the example that is traced; one row would be taken for a constant."""


class TextGraph(nn.Module):
    """Token ids to features.

    Args:
        encoder: The text encoder.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(
        self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]
    ) -> tuple[Float[Tensor, "b d m"], Float[Tensor, "b d"], Bool[Tensor, "b m"]]:
        features = self.encoder(tokens, lengths)
        return features.words, features.sentence, features.padding


class GeneratorGraph(nn.Module):
    """Noise and features to the images of each stage and the attention maps.

    Args:
        generator: The generator.
        draws: How many tensors of normal numbers it draws.
        extras: The names of the extras in prompts.
    """

    def __init__(self, generator: Generator, *, draws: int, extras: tuple[str, ...]) -> None:
        super().__init__()
        self.generator = generator
        self.draws = draws
        self.extras = extras

    def forward(
        self,
        noise: Float[Tensor, "b n"],
        words: Float[Tensor, "b d l"],
        sentence: Float[Tensor, "b d"],
        padding: Bool[Tensor, "b l"],
        *others: Tensor,
    ) -> tuple[Tensor, ...]:
        extras = dict(zip(self.extras, others[self.draws :], strict=True))
        prompt = Prompt(words=words, sentence=sentence, padding=padding, extras=extras)
        with GivenDraws(others[: self.draws]):
            output: GeneratorOutput = self.generator(noise, prompt, return_attention=True)
        return (*output.images, *output.attention)


@dataclass(frozen=True)
class Graphs:
    """The graphs of a run, with examples of their inputs."""

    pipeline: Pipeline
    words: int
    """Token ids of a caption, padding included."""

    @classmethod
    def of(cls, pipeline: Pipeline, *, words: int | None = None) -> Graphs:
        """The graphs of a run on the CPU.

        Args:
            pipeline: The run.
            words: The length to which captions are padded; by default twice that of the run's longest sample
                caption, from 24 on.

        Raises:
            RunError: the run searches its images, so that they are not what its generator makes of noise.
        """
        sampler = sampler_of(pipeline.parts, _module(pipeline.generator))
        if not isinstance(sampler, NoiseSampler):
            message = f"run {pipeline.run.path} samples by {type(sampler).__name__}, which is not one graph"
            expected = "a run whose images are generated from noise"
            step = f"attnforge export safetensors {pipeline.run.path} -o FOLDER"
            raise RunError(Problem("not-exportable", message, expected=expected, next_step=step))
        longest = max(
            (len(pipeline.parts.tokenizer.encode(text)) for text in sample_captions(pipeline)), default=0
        )
        return cls(pipeline, words or max(MIN_WORDS, 2 * longest))

    @property
    def sampler(self) -> NoiseSampler:
        sampler = sampler_of(self.pipeline.parts, _module(self.pipeline.generator))
        assert isinstance(sampler, NoiseSampler)  # noqa: S101  (others were refused)
        return sampler

    @cached_property
    def text(self) -> ExportedProgram:
        """Token ids and lengths to features, for any number of captions.

        Raises:
            RunError: the text encoder cannot be traced.
        """
        inputs = self.example_tokens(EXAMPLES)
        return _traced(TextGraph(self.pipeline.parts.text).eval(), inputs, what="text encoder")

    @cached_property
    def generator(self) -> ExportedProgram:
        """Noise, features, draws and extras to images and attention maps, for any number of images.

        Raises:
            RunError: the generator cannot be traced.
        """
        return _traced(self.generator_graph, self.example_inputs(EXAMPLES, seed=0), what="generator")

    def of_one_caption(self) -> tuple[ExportedProgram, ExportedProgram]:
        """The graphs of the text encoder and of the generator for a single caption, with fixed shapes.

        Raises:
            RunError: one cannot be traced.
        """
        tokens = tuple(rows[:1] for rows in self.example_tokens(EXAMPLES))
        inputs = tuple(rows[:1] for rows in self.example_inputs(EXAMPLES, seed=0))
        text = TextGraph(self.pipeline.parts.text).eval()
        return (
            _traced(text, tokens, what="text encoder", batches=False),
            _traced(self.generator_graph, inputs, what="generator", batches=False),
        )

    @cached_property
    def generator_graph(self) -> GeneratorGraph:
        """The module that is traced."""
        draws = len(self.draw_shapes)
        return GeneratorGraph(self.pipeline.generator, draws=draws, extras=self.extras).eval()

    @property
    def extras(self) -> tuple[str, ...]:
        return tuple(sorted(self.pipeline.parts.extras))

    @cached_property
    def draw_shapes(self) -> list[tuple[int, ...]]:
        """The shapes, without the batch, of the normal numbers that the generator draws itself."""
        features = self.features(*self.example_tokens(EXAMPLES))
        prompt = Prompt.of(features, extras=self._example_extras(EXAMPLES))
        noise = torch.zeros(EXAMPLES, self.pipeline.generator.noise)
        with RecordedDraws() as recorded, torch.random.fork_rng(), torch.no_grad():
            self.pipeline.generator(noise, prompt, return_attention=True)
        return [shape[1:] for shape in recorded.shapes]

    @property
    def inputs(self) -> list[str]:
        """The names of the generator's inputs."""
        draws = [f"draw_{number}" for number in range(len(self.draw_shapes))]
        return ["noise", "words", "sentence", "padding", *draws, *self.extras]

    @property
    def outputs(self) -> list[str]:
        """The names of the generator's outputs."""
        sizes = self.pipeline.generator.image_sizes
        count = len(self.run(self.example_inputs(EXAMPLES, seed=0))) - len(sizes)
        first = len(sizes) - count
        return [f"image_{size}" for size in sizes] + [f"attention_{first + n + 1}" for n in range(count)]

    @torch.no_grad()
    def features(self, tokens: Int[Tensor, "b l"], lengths: Int[Tensor, "b"]) -> TextFeatures:
        """What the run's text encoder makes of token ids."""
        return self.pipeline.parts.text(tokens, lengths)

    @torch.no_grad()
    def run(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What the run's generator makes of its inputs, by the fastest kernels of torch."""
        outputs: tuple[Tensor, ...] = self.generator_graph(*inputs)
        return outputs

    def example_tokens(self, rows: int) -> tuple[Int[Tensor, "b l"], Int[Tensor, "b"]]:
        """Captions of 1 word, of the most, and of lengths between; ids that the vocabulary knows."""
        known = torch.arange(self.words) % max(1, self.pipeline.parts.tokenizer.vocabulary_size - 1) + 1
        lengths = torch.linspace(self.words, 1, rows).round().long()
        padding = torch.arange(self.words)[None] >= lengths[:, None]
        return known.expand(rows, -1).masked_fill(padding, 0).contiguous(), lengths

    def example_inputs(self, rows: int, *, seed: int) -> tuple[Tensor, ...]:
        """Inputs of the generator."""
        features = self.features(*self.example_tokens(rows))
        source = torch.Generator().manual_seed(seed)
        noise = torch.randn(rows, self.pipeline.generator.noise, generator=source)
        draws = [torch.randn(rows, *shape, generator=source) for shape in self.draw_shapes]
        extras = self._example_extras(rows)
        others = (*draws, *(extras[name] for name in self.extras))
        return noise, features.words, features.sentence, features.padding, *others

    def _example_extras(self, rows: int) -> dict[str, Tensor]:
        shapes = self.pipeline.parts.extras
        return {name: torch.full((rows, *shapes[name]), 0.5) for name in self.extras}


def sample_captions(pipeline: Pipeline) -> list[str]:
    """The captions of the run's fixed samples."""
    return fixed_captions(pipeline.run.path) or list(pipeline.recipe.samples.captions)


def _traced(
    module: nn.Module, inputs: tuple[Tensor, ...], *, what: str, batches: bool = True
) -> ExportedProgram:
    batch = Dim("batch", min=1, max=4096)
    shapes: list[Any] = [{0: batch} for _ in inputs]
    if isinstance(module, GeneratorGraph) and len(inputs) > 4:
        shapes = [*shapes[:4], tuple(shapes[4:])]  # those of `*others` are one value
    with _explained(what), portable(), torch.no_grad(), warnings.catch_warnings():
        # of recurrent layers, which keep a list of their weights; the programs are compared with the run
        warnings.filterwarnings("ignore", message="The tensor attributes")
        return torch.export.export(module, inputs, dynamic_shapes=tuple(shapes) if batches else None)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn what torch raises for networks that it cannot trace into a problem with its first line."""
    try:
        yield
    except RunError:
        raise
    except Exception as error:  # torch promises no type
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        reason = reason.partition(" For more information")[0].rstrip(".")  # the rest is of torch
        message = f"torch cannot trace the {what}: {reason}"
        expected = "networks without data-dependent Python code, such as `if tensor.any()` or `len(tensor)`"
        raise RunError(Problem("not-exportable", message, expected=expected)) from error


def _module(generator: Generator) -> nn.Module:
    assert isinstance(generator, nn.Module)  # noqa: S101  (every generator with weights is)
    return generator
