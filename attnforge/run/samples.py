"""Samples of a run: images of fixed captions and fixed noise, generated during training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import nn

from attnforge.build.parts import Parts
from attnforge.evaluate.measure import choose_captions
from attnforge.interfaces import Generator
from attnforge.names import step_name
from attnforge.run.folder import RunFolder
from attnforge.run.generating import generate_all


@dataclass(frozen=True, slots=True)
class FixedSamples:
    """The fixed captions; their images are written to samples/<phase>-<step>/<number>.png."""

    captions: tuple[str, ...]
    parts: Parts
    run: RunFolder

    @classmethod
    def choose(cls, parts: Parts, run: RunFolder) -> FixedSamples:
        """The recipe's captions, or captions of the test split; the same for the whole run."""
        options = parts.recipe.sampling
        captions = options.captions or tuple(
            choose_captions(parts.dataset("test"), count=options.count, seed=options.seed, parts=parts)
        )
        run.write_json(
            "samples/captions.json",
            [{"caption": caption, "index": index} for index, caption in enumerate(captions)],
        )
        return cls(captions=captions, parts=parts, run=run)

    def write(self, generator: nn.Module, *, phase: str, step: int) -> list[str]:
        """Generate the images and return their paths."""
        folder = self.run.samples / step_name(phase, step)
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        generated = generate_all(
            self.parts.text,
            cast("Generator", generator),
            self.parts.tokenizer,
            self.captions,
            seed=self.parts.recipe.sampling.seed,
            device=self.parts.device,
        )
        for number, sample in enumerate(generated):
            path = folder / f"{number:02d}.png"
            sample.save(path)
            paths.append(str(path))
        return paths
