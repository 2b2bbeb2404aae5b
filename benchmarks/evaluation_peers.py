"""Frechet and kernel distance of the same images by attnforge, torch-fidelity and torchmetrics, in one run.

All three get the same network, a small one with fixed weights, so that what differs is how images are passed
through it and how distances are computed. `benchmarks/evaluation.py --peers` calls this.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from attnforge_metrics.frechet import frechet_distance, gaussian_of
from attnforge_metrics.kernel import subset_distances
from torch import Tensor, nn
from torch.utils.data import Dataset

from attnforge.evaluate.extracting import Extraction
from attnforge.evaluate.quantise import from_bytes

SIDE, DIM, BATCH = 64, 512, 50
SUBSETS, SUBSET_SIZE = 100, 1_000


class Distances(NamedTuple):
    """What each of the systems computes."""

    frechet: float
    kernel: float


class SmallNetwork(nn.Module):
    """Features of bytes, of shape b x 3 x 64 x 64, with fixed weights."""

    num_features = DIM

    def __init__(self) -> None:
        super().__init__()
        numbers = torch.Generator().manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 64, 8, stride=4), nn.ReLU(), nn.Conv2d(64, DIM, 4, stride=4), nn.ReLU()
        )
        for weight in self.layers.parameters():
            weight.data = torch.randn(weight.shape, generator=numbers) / weight[0].numel() ** 0.5
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.layers(images.float() / 127.5 - 1).mean(dim=(2, 3))
        return features


class Bytes(Dataset[Tensor]):
    """Images as bytes: noise on a grid of colours, darker where `shift` is greater."""

    def __init__(self, count: int, *, shift: float, seed: int) -> None:
        numbers = torch.Generator().manual_seed(seed)
        coarse = torch.rand(count, 3, 8, 8, generator=numbers)
        noise = torch.rand(count, 3, SIDE, SIDE, generator=numbers) * 0.2
        images = nn.functional.interpolate(coarse, size=SIDE) * 0.8 + noise - shift
        self.images = (images.clamp(0, 1) * 255).round().byte()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes as attnforge's `ImageSource`."""

    data: Bytes

    @property
    def captions(self) -> list[str]:
        return [""] * len(self.data)

    def images(self, numbers: Any) -> Tensor:
        return from_bytes(self.data.images[list(numbers)])


def by_attnforge(generated: Bytes, real: Bytes) -> Distances:
    """Both distances as an evaluation computes them."""
    network = SmallNetwork()

    def extract(images: Tensor, captions: Any) -> Tensor:
        features: Tensor = network((images + 1) * 127.5)
        return features

    ours, theirs = (
        Extraction(batch_size=BATCH).rows(Source(data), {"features": extract})["features"]
        for data in (generated, real)
    )
    size = min(SUBSET_SIZE, len(ours), len(theirs))
    kernel = subset_distances(ours, theirs, subsets=SUBSETS, size=size, seed=1)
    return Distances(frechet_distance(gaussian_of(ours), gaussian_of(theirs)), float(kernel.mean()))


def by_torch_fidelity(generated: Bytes, real: Bytes) -> Distances:
    """Both distances by torch-fidelity, with the network as a feature extractor of its own."""
    import torch_fidelity
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY, register_feature_extractor

    class SmallExtractor(FeatureExtractorBase):  # type: ignore[misc]
        def __init__(self, name: str, features_list: Any, **options: Any) -> None:
            super().__init__(name, features_list)
            self.network = SmallNetwork()

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("pool",)

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "pool"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        @staticmethod
        def get_dummy_input_for_compile() -> Tensor:
            return torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8)

        def forward(self, images: Tensor) -> tuple[Tensor]:
            return (self.network(images),)

    if "small" not in FEATURE_EXTRACTORS_REGISTRY:
        register_feature_extractor("small", SmallExtractor)
    values = torch_fidelity.calculate_metrics(
        input1=generated,
        input2=real,
        fid=True,
        kid=True,
        kid_subsets=SUBSETS,
        kid_subset_size=min(SUBSET_SIZE, len(generated), len(real)),
        feature_extractor="small",
        batch_size=BATCH,
        cuda=False,
        cache=False,
        verbose=False,
        save_cpu_ram=True,
    )
    return Distances(
        float(values["frechet_inception_distance"]), float(values["kernel_inception_distance_mean"])
    )


def by_torchmetrics(generated: Bytes, real: Bytes) -> Distances:
    """Both distances by torchmetrics, each of which passes the images through the network."""
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(SUBSET_SIZE, len(generated), len(real))
    frechet = FrechetInceptionDistance(feature=SmallNetwork(), input_img_size=(3, SIDE, SIDE))
    kernel = KernelInceptionDistance(feature=SmallNetwork(), subsets=SUBSETS, subset_size=size)
    for data, is_real in ((generated, False), (real, True)):
        for images in torch.split(data.images, BATCH):
            frechet.update(images, real=is_real)
            kernel.update(images, real=is_real)
    return Distances(float(frechet.compute()), float(kernel.compute()[0]))


SYSTEMS: dict[str, Callable[[Bytes, Bytes], Distances]] = {
    "attnforge": by_attnforge,
    "torch-fidelity": by_torch_fidelity,
    "torchmetrics": by_torchmetrics,
}


def compare_systems(count: int, *, rounds: int = 3) -> None:
    """Print both distances of `count` images by each system, and its processor time as a ratio.

    Args:
        count: Images of each set.
        rounds: How often each system is timed, in turn; the fastest counts.
    """
    generated, real = Bytes(count, shift=0.05, seed=1), Bytes(count, shift=0.0, seed=2)
    seconds: dict[str, list[float]] = {name: [] for name in SYSTEMS}
    values: dict[str, Distances] = {}
    for _ in range(rounds):
        for name, compute in SYSTEMS.items():
            start = time.process_time()
            values[name] = compute(generated, real)
            seconds[name].append(time.process_time() - start)
    own = min(seconds["attnforge"])
    print(f"{count:,} images against {count:,}, {DIM} features, KID of {SUBSETS} subsets")
    for name, distances in values.items():
        ratio = min(seconds[name]) / own
        print(
            f"{name:16s} FD {distances.frechet:.6f}  KID {distances.kernel:.6f}  {ratio:5.2f} times the "
            "processor time of attnforge",
            flush=True,
        )
