"""Which kinds of image a run draws for the captions of which kinds: a table of confusions, and a sheet.

    python benchmarks/own_images.py runs/mine --data my-images --column group --out build/own-images

For a folder of own images whose metadata has splits and a column that groups images, such as `group` of the
emoji. Each test image's caption is asked for once. The nearest training image is found by grey features of
EfficientNet-Lite2 at 160 pixels, as by the metric `nearest-class` of the protocol `own-images`, which gives
the share by class. Needs the package attnforge-imagenet with lite2.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from attnforge_imagenet.features import EfficientNetLite2
from attnforge_metrics.nearest_class import nearest_rows
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from attnforge.evaluate.quantise import from_bytes
from attnforge.sampling.pipeline import Pipeline

SIDE = 160
"""Side in pixels of the images whose features are compared."""
BATCH = 32
CAPTIONS_ON_SHEET = 48
ACROSS = 8


def main(arguments: Sequence[str] | None = None) -> None:
    """Generate, compare and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="a folder with metadata.jsonl")
    parser.add_argument("--column", default="class_id", help="the column of metadata.jsonl with the groups")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    rows = [json.loads(line) for line in (options.data / "metadata.jsonl").read_text().splitlines()]
    train = [row for row in rows if row["split"] == "train"]
    test = [row for row in rows if row["split"] == "test"]
    pipeline = Pipeline.load(options.run)
    captions = [row["captions"][number % len(row["captions"])] for number, row in enumerate(test)]
    generated = [image.images[-1] for image in pipeline.generate(captions, regions=False)]
    side = generated[0].shape[0]
    network = EfficientNetLite2(grey=True, side=SIDE)
    training, real, fake = (
        features_of(network, images)
        for images in (
            [read(options.data / row["file_name"], side) for row in train],
            [read(options.data / row["file_name"], side) for row in test],
            generated,
        )
    )
    options.out.mkdir(parents=True, exist_ok=True)
    asked = [str(row[options.column]) for row in test]
    results: dict[str, Any] = {"run": options.run.name, "captions": len(captions), "column": options.column}
    for name, features in (("generated", fake), ("real", real)):
        nearest = [str(train[row][options.column]) for row in nearest_rows(features, training).tolist()]
        results[name] = shares(asked, nearest) | {"confusions": confusions(asked, nearest)}
    counts = Counter(str(row[options.column]) for row in train)
    results["chance"] = {
        "by class": sum(counts[group] for group in set(asked)) / len(train) / len(set(asked)),
        "by image": sum(counts[group] for group in asked) / len(train) / len(asked),
    }
    (options.out / "own-images.json").write_text(json.dumps(results, indent=1) + "\n")
    sheet(generated, options.out / "sheet.png", every=max(1, len(generated) // CAPTIONS_ON_SHEET))
    shown = {name: value for name, value in results.items() if name not in ("generated", "real")}
    print(json.dumps(shown | {name: shares_only(results[name]) for name in ("generated", "real")}, indent=1))
    print(table(results["generated"]["confusions"]))


def read(path: Path, side: int) -> np.ndarray:
    """An image on white, resized to the side of generated ones."""
    image = Image.open(path).convert("RGBA")
    on_white = Image.new("RGBA", image.size, "white")
    on_white.alpha_composite(image)
    return np.asarray(on_white.convert("RGB").resize((side, side), Image.Resampling.LANCZOS))


def features_of(network: EfficientNetLite2, images: Sequence[np.ndarray]) -> Float[Tensor, "n d"]:
    """Features of images of bytes."""
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    with torch.no_grad():
        return torch.cat([network(from_bytes(part)).features for part in torch.split(pixels, BATCH)])


def shares(asked: Sequence[str], nearest: Sequence[str]) -> dict[str, float]:
    """How many images are of the group that was asked for, by group and by image."""
    hits = defaultdict[str, list[bool]](list)
    for group, found in zip(asked, nearest, strict=True):
        hits[group].append(group == found)
    return {
        "by class": float(np.mean([np.mean(own) for own in hits.values()])),
        "by image": float(np.mean([hit for own in hits.values() for hit in own])),
    }


def shares_only(result: Mapping[str, Any]) -> dict[str, float]:
    """A result without its table."""
    return {name: round(value, 4) for name, value in result.items() if name != "confusions"}


def confusions(asked: Sequence[str], nearest: Sequence[str]) -> dict[str, dict[str, int]]:
    """By the group that was asked for, what was drawn and how often."""
    counts = defaultdict[str, Counter[str]](Counter)
    for group, found in zip(asked, nearest, strict=True):
        counts[group][found] += 1
    return {group: dict(counts[group].most_common()) for group in sorted(counts)}


def table(counts: Mapping[str, Mapping[str, int]]) -> str:
    """The confusions as a table in Markdown: the five most frequent of each group, its own in bold."""
    lines = ["| asked for | images | nearest to |", "|---|---:|---|"]
    for group, nearest in counts.items():
        parts = [
            f"**{name} {count}**" if name == group else f"{name} {count}"
            for name, count in list(nearest.items())[:5]
        ]
        lines.append(f"| {group} | {sum(nearest.values())} | {', '.join(parts)} |")
    return "\n".join(lines)


def sheet(images: Sequence[np.ndarray], path: Path, *, every: int) -> None:
    """Some of the images in rows, in the order of their captions."""
    chosen = images[::every][:CAPTIONS_ON_SHEET]
    side = chosen[0].shape[0]
    down = -(-len(chosen) // ACROSS)
    page = Image.new("RGB", (ACROSS * (side + 2), down * (side + 2)), "white")
    for number, image in enumerate(chosen):
        page.paste(Image.fromarray(image), (number % ACROSS * (side + 2), number // ACROSS * (side + 2)))
    page.save(path)


if __name__ == "__main__":
    main()
