"""`evaluation.max_words` cuts captions for what draws them and for what judges the drawings."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from noting_metric import brightness_plugin
from tiny_run import TINY
from torch import Tensor

from attnforge.build import assemble
from attnforge.build.parts import Parts
from attnforge.evaluate.measure import Metrics, measure
from attnforge.plugin import load_plugins
from attnforge.recipe import resolve
from attnforge.run.training import train
from attnforge.specs import MetricSpec
from attnforge.train.progress import ConsoleReporter


class Encoded:
    """A metric that notes the ids of each caption as it is told to encode them."""

    def __init__(self, spec: MetricSpec, *, seen: dict[str, list[int]]) -> None:
        self.spec = spec
        self.seen = seen

    def extractors(self) -> dict[str, Any]:
        def encode(images: Float[Tensor, "b 3 h w"], captions: Any) -> Tensor:
            assert self.spec.tokenizer is not None
            self.seen.update({caption: self.spec.tokenizer.encode(caption) for caption in captions})
            return torch.zeros(len(captions))

        return {"encoded": encode}

    def compute(self, rows: Any, captions: Any) -> dict[str, float]:
        return {}


def encoded(*overrides: str) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """What drew each caption, and what judged the drawing."""
    recipe = assemble(resolve("quickstart", overrides=[*TINY, *overrides]))
    judged: dict[str, list[int]] = {}
    drawn: dict[str, list[int]] = {}
    recipe.evaluation.metrics.clear()  # type: ignore[attr-defined]
    recipe.evaluation.metrics["encoded"] = partial(Encoded, seen=judged)  # type: ignore[index]
    tokenizer = recipe.tokenizer()
    tokenizer.fit(["a red bird with blue wings and a yellow belly has black white green brown crown"])
    parts = Parts(recipe, tokenizer=tokenizer, device=torch.device("cpu"))

    def generate(captions: Any, positions: Any, extras: Any) -> Tensor:
        drawn.update({caption: parts.measuring_tokenizer.encode(caption) for caption in captions})
        return torch.zeros(len(captions), 3, 4, 4)

    measure(Metrics(parts), generate)
    return drawn, judged


def test_captions_are_whole_unless_a_recipe_cuts_them() -> None:
    drawn, judged = encoded()
    assert drawn == judged
    assert max(map(len, judged.values())) > 5


def test_a_cut_caption_is_drawn_and_judged_with_the_same_words() -> None:
    whole, _ = encoded()
    drawn, judged = encoded("evaluation.max_words=3")
    assert drawn == judged
    assert drawn.keys() == whole.keys()
    assert all(len(ids) == min(3, len(whole[caption])) for caption, ids in drawn.items())


def test_the_size_of_batches_changes_no_caption() -> None:
    small, _ = encoded("evaluation.max_words=3", "evaluation.batch_size=1")
    large, _ = encoded("evaluation.max_words=3", "evaluation.batch_size=6")
    other, _ = encoded("evaluation.max_words=3", "evaluation.seed=2", "evaluation.captions=500")
    assert small == large
    assert any(other[caption] != ids for caption, ids in small.items())


def test_captions_that_are_measured_can_keep_their_first_words() -> None:
    whole, _ = encoded()
    drawn, judged = encoded("evaluation.max_words=3", "evaluation.truncate=first")
    assert drawn == judged == {caption: ids[:3] for caption, ids in whole.items()}
    assert any(len(ids) > 3 for ids in whole.values())


def test_a_run_draws_what_it_measures_from_cut_captions(tmp_path: Path) -> None:
    plugins = load_plugins(extra=[("brightness", brightness_plugin())])
    metrics = "evaluation.metrics={attributes: null, retrieval: null, seen: brightness}"

    def measured(name: str, *cut: str) -> float:
        short = ("phases.damsm.steps=1", "phases.gan.steps=1", "phases.gan.sample_every=0", metrics, *cut)
        resolved = resolve("quickstart", overrides=[*TINY, *short], plugins=plugins)
        outcome = train(resolved, tmp_path / name, resume=False, reporter=ConsoleReporter())
        return float(outcome.metrics["brightness"])

    whole = measured("whole")
    assert measured("long", "evaluation.max_words=99") == whole
    assert measured("cut", "evaluation.max_words=2") != whole
