"""R-precision: what perfect, ignorant and undecided encoders get, and who may be a candidate."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, cast

import pytest
import torch
from attnforge_attngan.tokenizer import WordTokenizer
from attnforge_metrics.candidates import Candidates
from attnforge_metrics.encoders import TRAINED, ScoringEncoders
from attnforge_metrics.retrieval import RetrievalPrecision, RetrievalRecall, recall_ranks
from measured_images import values_of
from torch import Tensor, nn

from attnforge.data.encoding import CaptionEncoder
from attnforge.interfaces import ImageFeatures, Sample, TextFeatures
from attnforge.specs import MetricSpec

DIM = 64


class Birds:
    """Two captions an image; two images a class."""

    def __init__(self, count: int, *, shared: str | None = None) -> None:
        self.count = count
        self.shared = shared

    def __len__(self) -> int:
        return self.count

    def sample(self, index: int, *, seed: int) -> Sample:
        raise NotImplementedError

    def captions(self, index: int) -> Sequence[str]:
        return [f"bird{index} left", self.shared or f"bird{index} right"]

    def class_id(self, index: int) -> int:
        return index // 2


class Text(nn.Module):
    """Draws a sentence vector from a caption's ids; notes the captions that it has seen."""

    dim = DIM

    def __init__(self, vector: Callable[[Sequence[int]], Tensor]) -> None:
        super().__init__()
        self.vector = vector
        self.scale = nn.Parameter(torch.ones(()))
        self.seen: list[tuple[int, ...]] = []

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        assert not self.training
        rows = [tuple(row[:length]) for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]
        self.seen += rows
        sentence = self.scale * torch.stack([self.vector(row) for row in rows])
        return TextFeatures(
            words=sentence[:, :, None].expand(-1, -1, tokens.shape[1]), sentence=sentence, padding=tokens == 0
        )


class Image(nn.Module):
    """Reads its vector off the image."""

    def forward(self, images: Tensor) -> ImageFeatures:
        assert not self.training
        vectors = images[:, 0].flatten(1)
        return ImageFeatures(regions=vectors[:, :, None, None], image=vectors)


def image_of(ids: Sequence[int]) -> Tensor:
    """A vector that differs between captions."""
    return torch.randn(DIM, generator=torch.Generator().manual_seed(hash(tuple(ids)) % 2**31))


class Scorer:
    """The metric, with encoders that are as good as told."""

    def __init__(
        self,
        data: Birds,
        *,
        vector: Callable[[Sequence[int]], Tensor] = image_of,
        batch: int = 50,
        metric: Any = RetrievalPrecision,
        **options: Any,
    ) -> None:
        self.batch = batch
        self.tokenizer = WordTokenizer()
        self.captions = [caption for index in range(len(data)) for caption in data.captions(index)]
        self.tokenizer.fit(self.captions)
        self.text = Text(vector)
        spec = MetricSpec(
            encode=CaptionEncoder(self.text, self.tokenizer, torch.device("cpu")),
            image=Image(),
            tokenizer=self.tokenizer,
            data=cast("Any", data),
        )
        self.metric = metric(spec, **options)

    def right(self, caption: str) -> Tensor:
        return image_of(self.tokenizer.encode(caption))

    def score(self, image: Callable[[str], Tensor], captions: Sequence[str]) -> Mapping[str, Any]:
        images = torch.stack([image(caption) for caption in captions]).view(-1, 1, 8, 8)
        return values_of(self.metric, (images / 8).expand(-1, 3, -1, -1), captions, batch=self.batch)


def test_images_that_are_what_they_should_be_are_all_found() -> None:
    scorer = Scorer(Birds(40), candidates=50)
    metrics = scorer.score(scorer.right, scorer.captions)
    assert metrics == {"R-precision": 1.0, "R-precision chance": 0.02, "R-precision note": TRAINED}


def test_images_of_other_captions_are_not_found() -> None:
    scorer = Scorer(Birds(40), candidates=50)
    other = dict(zip(scorer.captions, [*scorer.captions[6:], *scorer.captions[:6]], strict=True))
    wrong = scorer.score(lambda caption: scorer.right(other[caption]), scorer.captions)
    assert wrong["R-precision"] <= 0.02


def test_images_of_noise_are_found_by_chance() -> None:
    scorer = Scorer(Birds(200), candidates=4)
    noise = torch.Generator().manual_seed(1)
    found = scorer.score(lambda _: torch.randn(DIM, generator=noise), scorer.captions)["R-precision"]
    deviation = math.sqrt(0.25 * 0.75 / len(scorer.captions))
    assert abs(found - 0.25) < 4 * deviation


def test_a_tie_counts_against_the_image() -> None:
    scorer = Scorer(Birds(8), vector=lambda _: torch.ones(DIM), candidates=2)
    assert scorer.score(lambda _: torch.ones(DIM), scorer.captions)["R-precision"] == 0


@pytest.mark.parametrize("batch", [1, 3, 20])
def test_captions_of_the_same_tokens_tie_whichever_batch_encodes_them(batch: int) -> None:
    """Encoders round a caption's vector differently in each batch, of which here the later is the longer."""
    scorer = Scorer(Birds(20), candidates=39, batch=batch)
    scorer.tokenizer.fit(["left", "right"])  # so that all captions of a side have the same token
    encoded = 0

    def slightly_longer(ids: Sequence[int]) -> Tensor:
        nonlocal encoded
        encoded += 1
        return image_of(ids) + 1e-6 * encoded

    scorer.text.vector = slightly_longer
    metrics = scorer.score(scorer.right, scorer.captions[::2])
    assert metrics["R-precision"] == 0


def test_length_of_a_vector_does_not_matter() -> None:
    scorer = Scorer(Birds(10), vector=lambda ids: image_of(ids) * (1 + ids[0]) ** 3, candidates=9)
    assert scorer.score(lambda one: 0.1 * scorer.right(one), scorer.captions)["R-precision"] == 1


def test_captions_of_the_same_class_are_never_candidates() -> None:
    scorer = Scorer(Birds(6), candidates=100)
    caption = "bird2 left"
    metrics = scorer.score(scorer.right, [caption] * 10)
    allowed = [caption, *(f"bird{index} {side}" for index in (0, 1, 4, 5) for side in ("left", "right"))]
    assert sorted(scorer.text.seen) == sorted(tuple(scorer.tokenizer.encode(one)) for one in allowed)
    assert metrics["R-precision chance"] == 1 / 9


def test_a_caption_of_several_classes_is_no_candidate_for_any_of_them() -> None:
    scorer = Scorer(Birds(6, shared="a bird"), candidates=100)
    scorer.score(scorer.right, ["bird0 left"] * 10)
    assert tuple(scorer.tokenizer.encode("a bird")) not in scorer.text.seen
    assert len(scorer.text.seen) == 5


def test_the_chance_is_that_of_the_fewest_candidates() -> None:
    scorer = Scorer(Birds(6), candidates=5)
    metrics = scorer.score(scorer.right, scorer.captions)
    assert metrics["R-precision chance"] == 0.2
    assert metrics["R-precision note"] == TRAINED
    few = Scorer(Birds(6)).score(scorer.right, scorer.captions)
    assert few["R-precision note"] == f"{TRAINED}; a caption has 9 candidates instead of 100"


def test_the_seed_decides_the_candidates() -> None:
    seen = []
    for seed in (1, 1, 2):
        scorer = Scorer(Birds(40), candidates=10, seed=seed)
        scorer.score(scorer.right, scorer.captions[:2] * 5)
        seen.append(scorer.text.seen)
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.parametrize("count", [1, 2])
def test_one_class_alone_has_no_mismatched_captions_and_no_score(count: int) -> None:
    scorer = Scorer(Birds(count), candidates=10)
    metrics = scorer.score(scorer.right, 5 * scorer.captions)
    assert list(metrics) == ["R-precision withheld"]
    assert "single class" in str(metrics["R-precision withheld"])


@pytest.mark.parametrize("count", [0, 1, 9])
def test_few_images_give_the_reason_and_no_score(count: int) -> None:
    scorer = Scorer(Birds(40), candidates=50)
    metrics = scorer.score(scorer.right, scorer.captions[:count]) if count else scorer.metric.compute({}, ())
    assert metrics == {"R-precision withheld": f"at least 10 images are needed, not {count}"}


def test_candidates_are_other_captions_of_other_classes_each_once_and_all_alike() -> None:
    random = Random(3)
    for _ in range(50):
        names = [f"caption {number}" for number in range(random.randrange(1, 60))]
        classes = {name: {random.randrange(12) for _ in range(random.choice([1, 2]))} for name in names}
        pool = Candidates(classes)
        for caption in [*names[:5], "of no image"]:
            own = classes.get(caption, set())
            others = {one for one in names if one != caption and not classes[one] & own}
            chosen, fewest = pool.choose([caption, caption], count=9, seed=7)
            assert chosen[0].tolist() == chosen[1].tolist()
            drawn = [pool.captions[number] for number in chosen[0].tolist() if number >= 0]
            assert len(drawn) == len(set(drawn)) == fewest == min(9, len(others))
            assert set(drawn) <= others
    pool = Candidates({f"caption {number}": {number // 2} for number in range(40)})
    counts = torch.zeros(40)
    for seed in range(400):
        counts[pool.choose(["caption 7"], count=9, seed=seed)[0][0]] += 1
    allowed = [name not in ("caption 6", "caption 7") for name in pool.captions]
    assert counts[torch.tensor(allowed)].min() > 60
    assert counts.sum() == counts[torch.tensor(allowed)].sum()


@pytest.mark.long
def test_candidates_for_30_000_captions_of_coco_take_seconds() -> None:
    """202,520 captions of 40,504 images; the time of the choice alone, which once took two hours."""
    pool = Candidates({f"caption {number}": {number // 5} for number in range(202_520)})
    start = time.process_time()
    chosen, fewest = pool.choose(pool.captions[:30_000], count=99, seed=1)
    assert (fewest, tuple(chosen.shape)) == (99, (30_000, 99))
    assert time.process_time() - start < 60


def test_recall_counts_captions_and_images_that_are_nearer() -> None:
    images = torch.eye(4)
    ranks = recall_ranks(images, images[[1, 0, 2, 3]], torch.tensor([1, 0, 2, 3]))
    assert [rank.tolist() for rank in ranks] == [[0, 0, 0, 0], [0, 0, 0, 0]]
    ranks = recall_ranks(images, images[[1, 0, 2, 3]], torch.tensor([0, 1, 2, 3]))
    assert [rank.tolist() for rank in ranks] == [[3, 3, 0, 0], [3, 3, 0, 0]]
    same = torch.ones(3, 2)
    assert recall_ranks(same, same, torch.arange(3))[0].tolist() == [2, 2, 2]
    # images of the same words do not compete
    assert [rank.tolist() for rank in recall_ranks(same, same[:1], torch.zeros(3, dtype=torch.long))] == [
        [0, 0, 0],
        [0, 0, 0],
    ]


def test_recall_of_perfect_and_of_random_encoders() -> None:
    scorer = Scorer(Birds(40), metric=RetrievalRecall, k=(1, 10))
    captions = scorer.captions[::2]
    found = scorer.score(scorer.right, captions)
    assert [found[f"recall@{k} of {what}"] for k in (1, 10) for what in ("captions", "images")] == [1] * 4
    assert found["recall@1 of captions chance"] == 1 / 40
    noise = torch.Generator().manual_seed(1)
    found = scorer.score(lambda _: torch.randn(DIM, generator=noise), captions)
    for what in ("captions", "images"):
        assert abs(found[f"recall@10 of {what}"] - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 40)
    assert "withheld" in next(iter(scorer.score(scorer.right, captions[:3])))


def test_the_deviation_is_that_of_folds() -> None:
    scorer = Scorer(Birds(60), candidates=5, folds=3)
    right = set(scorer.captions[:40]) | set(scorer.captions[40:60])
    metrics = scorer.score(
        lambda one: scorer.right(one) if one in right else -scorer.right(one), scorer.captions
    )
    assert metrics["R-precision"] == 0.5
    shares = [1.0, 0.5, 0.0]
    assert metrics["R-precision deviation"] == pytest.approx(
        math.sqrt(sum((s - 0.5) ** 2 for s in shares) / 3)
    )


def test_a_deviation_needs_ten_images_a_fold() -> None:
    scorer = Scorer(Birds(60), candidates=5)
    assert "R-precision deviation" not in scorer.score(scorer.right, scorer.captions[:99])
    assert "R-precision deviation" in scorer.score(scorer.right, scorer.captions[:100])


@pytest.mark.parametrize("changed", ["nothing", "text", "image", "both"])
def test_given_encoders_that_trained_the_generator_are_named(
    changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever run the weights were copied to, a value by them is not an independent one."""
    from types import SimpleNamespace

    scorer = Scorer(Birds(8), candidates=2)
    own = nn.Linear(4, 4)
    other = nn.Linear(4, 4)
    other.load_state_dict(own.state_dict())
    text = Text(image_of)
    spec = MetricSpec(
        encode=CaptionEncoder(text, scorer.tokenizer, torch.device("cpu")),
        image=cast("Any", own),
        tokenizer=scorer.tokenizer,
        data=None,
    )
    copied = Text(image_of)
    with torch.no_grad():
        copied.scale += changed in ("text", "both")
        other.weight[0, 0] += changed in ("image", "both")
    encode = CaptionEncoder(copied, scorer.tokenizer, torch.device("cpu"))
    loaded = SimpleNamespace(
        encode=encode, image=other, tokenizer=scorer.tokenizer, digest="0" * 64, image_size=8
    )
    monkeypatch.setattr("attnforge_metrics.encoders.load_encoders", lambda path: loaded)
    note = ScoringEncoders.of(spec, "elsewhere", metric="r-precision").note()
    named = {"nothing": "text and the image", "text": "image", "image": "text"}.get(changed)
    assert note.startswith(f"same-encoders: the {named} encoder" if named else "images of other sizes")


def test_images_are_scored_at_the_size_that_the_encoder_was_trained_on() -> None:
    scorer = Scorer(Birds(8))
    encoders = ScoringEncoders(scorer.metric.encoders.encode, Image(), scorer.tokenizer, "rows", "", 8)
    images = torch.rand(2, 3, 8, 8) * 2 - 1
    larger = images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    (extract,) = encoders.extractors().values()
    small, large = extract(images, ["", ""]), extract(larger, ["", ""])
    assert small.shape == large.shape == (2, DIM)
    assert ((small * large).sum(dim=1) > 0.8).all()
