"""The same values as torch-fidelity, from the same features and from the same network, to 1e-4."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from attnforge_metrics.class_score import scores
from attnforge_metrics.frechet import frechet_distance, gaussian_of
from attnforge_metrics.inception import InceptionFeatures
from attnforge_metrics.kernel import polynomial_distance
from attnforge_metrics.manifold import manifold
from torch import Tensor

pytestmark = pytest.mark.long
# not among the pins: it installs a package called `tests`
pytest.importorskip("torch_fidelity", reason="pip install torch-fidelity")


def features(count: int, dim: int, *, seed: int, shift: float = 0.0) -> Tensor:
    numbers = torch.Generator().manual_seed(seed)
    return (torch.randn(count, dim, generator=numbers) @ torch.randn(
        dim, dim, generator=torch.Generator().manual_seed(0)
    ) / dim**0.5 + shift).relu()  # fmt: skip


@pytest.mark.parametrize(("count", "others", "dim"), [(900, 800, 64), (300, 250, 512)])
def test_frechet_distance(count: int, others: int, dim: int) -> None:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    ours, theirs = features(count, dim, seed=1), features(others, dim, seed=2, shift=0.3)
    statistics = [fid_features_to_statistics(rows) for rows in (ours, theirs)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(gaussian_of(ours), gaussian_of(theirs)) == pytest.approx(expected, rel=1e-4)


def test_kernel_distance() -> None:
    from torch_fidelity.metric_kid import kid_features_to_metric

    ours, theirs = features(400, 32, seed=1), features(400, 32, seed=2, shift=0.3)
    expected = kid_features_to_metric(
        ours.double(), theirs.double(), kid_subsets=1, kid_subset_size=400, verbose=False, rng_seed=1
    )
    distance = float(polynomial_distance(ours, theirs))
    assert distance == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-4)


@pytest.mark.parametrize("k", [3, 5])
def test_precision_and_recall(k: int) -> None:
    from torch_fidelity.metric_prc import prc_features_to_metric

    generated, real = features(1_500, 16, seed=1), features(1_200, 16, seed=2, shift=0.4)
    expected = prc_features_to_metric(
        generated, real, prc_neighborhood=k, prc_batch_size=500, save_cpu_ram=False, verbose=False
    )
    values = manifold(real, generated, neighbours=k)
    assert values.precision == pytest.approx(expected["precision"], abs=1e-4)
    assert values.recall == pytest.approx(expected["recall"], abs=1e-4)
    assert values.precision != pytest.approx(values.recall, abs=0.05)


def test_inception_score() -> None:
    from torch_fidelity.metric_isc import isc_features_to_metric

    logits = 3 * torch.randn(500, 20, generator=torch.Generator().manual_seed(1))
    expected = isc_features_to_metric(logits, splits=10, shuffle=False)
    values = scores(logits.double(), splits=10)
    assert float(values.mean()) == pytest.approx(expected["inception_score_mean"], rel=1e-4)
    assert float(values.std(correction=0)) == pytest.approx(expected["inception_score_std"], rel=1e-4)


def test_inception_s_ported_network(tmp_path: Path) -> None:
    """With random weights, whose normalisation has seen images: features and logits of the same images."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    torch.manual_seed(1)
    saved = tmp_path / "weights.pth"
    torch.save(_random_weights(), saved)
    ours = InceptionFeatures(weights=str(saved), blocks="ported", resize="tensorflow").eval()
    theirs: Any = FeatureExtractorInceptionV3(
        "inception-v3-compat",
        ["2048", "logits_unbiased"],
        feature_extractor_weights_path=str(saved),
    )
    pixels = torch.randint(256, (2, 3, 64, 80), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        output = ours(pixels.float() / 127.5 - 1)
        expected, logits = theirs(pixels)
    assert expected.std() > 1e-3
    assert torch.allclose(output.features, expected, rtol=1e-4, atol=1e-4)
    assert output.logits is not None
    assert torch.allclose(output.logits, logits, rtol=1e-4, atol=1e-4)


def _random_weights() -> dict[str, Tensor]:
    from attnforge_metrics.inception_blocks import inception

    network = inception("ported", classes=1008)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    images = torch.rand(4, 3, 299, 299, generator=torch.Generator().manual_seed(3)) * 2 - 1
    with torch.no_grad():
        network.train().pooled(images)
    return dict(network.network.state_dict())
