"""How long metrics of many images take, beside torch-fidelity and torchmetrics in the same run.

    python benchmarks/evaluation.py
    python benchmarks/evaluation.py --images 5000 --dim 2048 --metric frechet --peers

Features are random and lie in files, as an evaluation leaves them; time includes reading them. Processor
time is reported, since a busy machine changes it little, and the peak of memory. `--peers` needs
torch-fidelity and torchmetrics in an environment of their own, since torch-fidelity has a package `tests`. It
times torch-fidelity on the same features, and all three on the same images.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from attnforge_metrics.frechet import frechet_distance, gaussian_of
from attnforge_metrics.kernel import subset_distances
from attnforge_metrics.manifold import manifold
from attnforge_metrics.mind import sliced_distance
from evaluation_peers import compare_systems
from safetensors.torch import load_file, save_file
from torch import Tensor

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Files:
    """Features of two sets on disk, in chunks."""

    folder: Path

    def write(self, name: str, count: int, dim: int, *, shift: float, seed: int) -> None:
        """Write features of rank `dim` with correlations, as those of images have."""
        numbers = torch.Generator().manual_seed(seed)
        mix = torch.randn(dim, dim, generator=torch.Generator().manual_seed(0)) / dim**0.5
        for start in range(0, count, CHUNK):
            rows = torch.randn(min(CHUNK, count - start), dim, generator=numbers) @ mix + shift
            save_file({"rows": rows.relu()}, self.folder / f"{name}-{start:06d}.safetensors")

    def read(self, name: str) -> Tensor:
        """All features of a set."""
        return torch.cat([load_file(path)["rows"] for path in sorted(self.folder.glob(f"{name}-*"))])


def kernel(real: Tensor, generated: Tensor) -> float:
    """KID with the default 100 subsets of 1,000."""
    size = min(1_000, len(real), len(generated))
    return float(subset_distances(generated, real, subsets=100, size=size, seed=1).mean())


METRICS: dict[str, Callable[[Tensor, Tensor], object]] = {
    "frechet": lambda real, generated: frechet_distance(gaussian_of(generated), gaussian_of(real)),
    "kernel": kernel,
    "mind": lambda real, generated: sliced_distance(generated, real, directions=1_000, seed=1),
    "precision-recall": lambda real, generated: tuple(manifold(real, generated, neighbours=5)),
}


def peers() -> dict[str, Callable[[Tensor, Tensor], object]]:
    """The same by libraries that others use, from the same features."""
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric

    def fid(real: Tensor, generated: Tensor) -> object:
        return fid_statistics_to_metric(
            *(fid_features_to_statistics(features) for features in (generated, real)), verbose=False
        )

    return {
        "frechet (torch-fidelity)": fid,
        "kernel (torch-fidelity)": lambda real, generated: kid_features_to_metric(
            generated, real, verbose=False
        ),
        "precision-recall (torch-fidelity)": lambda real, generated: prc_features_to_metric(
            generated, real, verbose=False, save_cpu_ram=True, prc_neighborhood=5
        ),
    }


def measure(name: str, compute: Callable[[Tensor, Tensor], object], files: Files) -> float:
    """Print and return the processor seconds of a metric."""
    start, wall = time.process_time(), time.monotonic()
    value = compute(files.read("real"), files.read("generated"))
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    elapsed = time.monotonic() - wall
    print(f"{name:36s} {seconds:8.1f} s of processor, {elapsed:8.1f} s, peak {peak:.2f} GB", flush=True)
    print(f"    {value}")
    return seconds


def main() -> None:
    """Measure all metrics, or those that are named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=30_000)
    parser.add_argument("--dim", type=int, default=1_280)
    parser.add_argument("--metric", action="append", choices=list(METRICS))
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--peer-images", type=int, default=2_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder))
        files.write("real", arguments.images, arguments.dim, shift=0.0, seed=1)
        files.write("generated", arguments.images, arguments.dim, shift=0.05, seed=2)
        count = f"{arguments.images:,}"
        print(f"{count} x {count} x {arguments.dim:,}, {torch.get_num_threads()} threads")
        chosen = {name: METRICS[name] for name in arguments.metric or METRICS}
        seconds = {name: measure(name, compute, files) for name, compute in chosen.items()}
        print(f"{'all':36s} {sum(seconds.values()):8.1f} s of processor")
        if arguments.peers:
            for name, compute in peers().items():
                if name.partition(" ")[0] in chosen:
                    peer = measure(name, compute, files)
                    print(f"    {peer / seconds[name.partition(' ')[0]]:.2f} times attnforge's")
    if arguments.peers:
        compare_systems(arguments.peer_images)


if __name__ == "__main__":
    main()
