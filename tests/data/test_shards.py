"""Shards give the samples of the folder that they were written from, and are the same bytes each time."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from attnforge_attngan.tokenizer import WordTokenizer
from attnforge_folder.dataset import Folder
from attnforge_folder.shards import Shards
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from attnforge.cli import run as attnforge
from attnforge.data.feeding.loader import batches
from attnforge.data.feeding.sampler import PositionSampler
from attnforge.data.fingerprint import fingerprint
from attnforge.data.reading.stored_metadata import read_stored
from attnforge.data.shards import index as shard_indices
from attnforge.data.shards.manifest import MANIFEST
from attnforge.data.shards.writing import write_shards
from attnforge.errors import DataError
from attnforge.specs import DataSpec

TRAIN, TEST = (DataSpec(split=split, image_size=16) for split in ("train", "test"))
SHARED = Path(os.environ.get("ATTNFORGE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def folder(root: Path, count: int = 23) -> Path:
    root.mkdir(parents=True)
    lines = []
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (20, 24, 3), dtype=np.uint8)
        name = f"{number:02d}.{('png', 'jpg', 'JPEG', 'webp')[number % 4]}"
        Image.fromarray(pixels).save(root / name)
        line: dict[str, object] = {"file_name": name, "captions": [f"bird {number} é", "a bird"]}
        line |= {"class_id": number % 5} if number % 2 else {}
        line |= {"bbox": [1.5, 2, 16, 16]} if number % 3 else {}
        lines.append(json.dumps(line))
    (root / "metadata.jsonl").write_text("\n".join(lines))
    return root


def write(source: Path, target: Path, images_per_shard: int = 10) -> Path:
    for _ in write_shards(*read_stored(source), target, images_per_shard=images_per_shard):
        pass
    return target


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("data") / "source")


@pytest.fixture(scope="module")
def shards(source: Path) -> Path:
    return write(source, source.parent / "shards")


@pytest.mark.parametrize("spec", [TRAIN, TEST], ids=["train", "test"])
def test_samples_are_those_of_the_folder(source: Path, shards: Path, spec: DataSpec) -> None:
    expected, actual = Folder(spec, root=str(source)), Shards(spec, root=str(shards))
    assert fingerprint(actual) == fingerprint(expected)
    for index in range(len(expected)):
        one, other = expected.sample(index, seed=index), actual.sample(index, seed=index)
        assert torch.equal(one.image, other.image)
        assert (one.caption, one.class_id, one.key) == (other.caption, other.class_id, other.key)


def test_workers_read_shards_at_random(shards: Path) -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(["a bird"])
    options = {"batch_size": 4, "seed": 3, "steps": 6, "max_words": 5}
    made = [
        list(batches(Shards(TRAIN, root=str(shards), cache="none"), tokenizer, workers=workers, **options))  # type: ignore[arg-type]
        for workers in (0, 2)
    ]
    for alone, shared in zip(*made, strict=True):
        assert torch.equal(alone.image, shared.image)
        assert alone.keys == shared.keys


def test_the_same_images_give_the_same_bytes(source: Path, shards: Path, tmp_path: Path) -> None:
    again = write(source, tmp_path / "again")
    names = sorted(path.name for path in shards.iterdir())
    assert sorted(path.name for path in again.iterdir()) == names
    assert all((again / name).read_bytes() == (shards / name).read_bytes() for name in names)


@pytest.mark.parametrize("stop", [1, 2])
def test_an_interrupted_command_resumes(source: Path, shards: Path, tmp_path: Path, stop: int) -> None:
    target = tmp_path / "shards"
    writing = write_shards(*read_stored(source), target, images_per_shard=10)
    for _ in range(stop):
        next(writing)
    writing.close()
    with pytest.raises(DataError) as caught:
        Shards(TRAIN, root=str(target))
    assert caught.value.problems[0].code == "unfinished-shards"
    kept = (target / "shard-000000.tar").stat().st_ino
    write(source, target)
    assert (target / "shard-000000.tar").stat().st_ino == kept
    assert (target / MANIFEST).read_bytes() == (shards / MANIFEST).read_bytes()


def test_a_changed_source_is_written_again(tmp_path: Path) -> None:
    root = folder(tmp_path / "source", 12)
    target = write(root, tmp_path / "shards", 4)
    before = {path.name: path.stat().st_ino for path in target.glob("*.tar")}
    lines = (root / "metadata.jsonl").read_text().replace("bird 5", "crow 5")
    (root / "metadata.jsonl").write_text(lines)
    write(root, target, 4)
    changed = {name for name, inode in before.items() if (target / name).stat().st_ino != inode}
    assert changed == {"shard-000001.tar"}
    with pytest.raises(DataError) as caught:
        write(root, target, 5)
    assert caught.value.problems[0].code == "shards-exist"


def test_shards_of_other_tools_are_read_and_indexed_once(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    webdataset = pytest.importorskip("webdataset")
    for number in range(2):
        with webdataset.TarWriter(str(tmp_path / f"birds-{number}.tar")) as writer:
            for sample in range(3):
                image = (source / "00.png").read_bytes()
                writer.write(
                    {"__key__": f"s{sample}", "png": image, "txt": f"a bird\nbird {sample}", "cls": 7}
                )
    data = Shards(TEST, root=f"{tmp_path}/birds-{{0..1}}.tar")
    train = Shards(TRAIN, root=str(tmp_path))
    assert len(data) + len(train) == 6
    keys = {each.key(index) for each in (data, train) for index in range(len(each))}
    assert keys == {f"birds-{number}/s{sample}.png" for number in range(2) for sample in range(3)}
    assert (train.captions(0)[0], train.class_id(0)) == ("a bird", 7)
    monkeypatch.setattr(shard_indices, "build_index", None)
    assert Shards(TRAIN, root=str(tmp_path)).captions(0) == train.captions(0)


def test_other_tools_read_our_shards(shards: Path, source: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    read = list(webdataset.WebDataset(str(shards / "shard-000000.tar"), shardshuffle=False))
    assert len(read) == 10
    assert json.loads(read[0]["json"])["captions"] == ["bird 0 é", "a bird"]
    assert read[0]["png"] == (source / "00.png").read_bytes()


def test_an_index_is_made_again_for_a_newer_shard(tmp_path: Path, source: Path) -> None:
    def pack(caption: str) -> None:
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            for name, content in (("x.png", (source / "00.png").read_bytes()), ("x.txt", caption.encode())):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))

    pack("a red bird")
    only = "train" if len(read_train(tmp_path)) else "test"
    assert read_split(tmp_path, only).captions(0) == ("a red bird",)
    later = (tmp_path / "a.tar").stat().st_mtime_ns + 10**9
    pack("a tan bird")
    os.utime(tmp_path / "a.tar", ns=(later, later))
    assert read_split(tmp_path, only).captions(0) == ("a tan bird",)


def read_split(root: Path, split: str) -> Shards:
    return Shards(DataSpec(split=split, image_size=16), root=str(root))


def read_train(root: Path) -> list[str]:
    try:
        return [*read_split(root, "train").captions(0)]
    except DataError:
        return []


def test_shards_in_other_file_systems(shards: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for path in shards.iterdir():
        memory.pipe(f"/birds/{path.name}", path.read_bytes())
    expected, actual = Shards(TRAIN, root=str(shards)), Shards(TRAIN, root="memory://birds")
    assert torch.equal(expected.sample(3, seed=1).image, actual.sample(3, seed=1).image)
    ranged = Shards(TRAIN, root="memory://birds/shard-{000000..000002}.tar")
    assert len(ranged) == len(expected)
    with pytest.raises(DataError) as caught:
        Shards(TRAIN, root="memory://birds/shard-{000000..000003}.tar")
    assert "shard-000003.tar is missing" in str(caught.value)
    with pytest.raises(DataError) as caught:
        Shards(TRAIN, root="carrier-pigeon://birds")
    assert caught.value.problems[0].code == "no-file-system"


def test_the_command_writes_and_checks_shards(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "shards")
    assert attnforge(["data", "shard", str(source), target, "--images", "8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shards"] == 3
    assert attnforge(["data", "check", target]) == 0
    assert "23" in capsys.readouterr().out
    path = tmp_path / "shards" / "shard-000001.tar"
    content = bytearray(path.read_bytes())
    content[1024] ^= 1
    path.write_bytes(content)
    assert attnforge(["data", "check", target]) == 1
    assert "broken-shard" in capsys.readouterr().out


def test_the_emoji_as_shards(tmp_path: Path) -> None:
    if not (SHARED / "emoji").is_dir():
        pytest.skip("the emoji are not in ATTNFORGE_DATA or ../shared/data")
    whole = read_stored(SHARED / "emoji")
    target = tmp_path / "shards"
    assert sum(record.images for record in write_shards(*whole, target, images_per_shard=1000)) == 3538
    expected, actual = Folder(TRAIN, root=str(SHARED / "emoji")), Shards(TRAIN, root=str(target))
    assert len(actual) == len(expected) == 3128
    for index in range(0, 3128, 500):
        assert torch.equal(expected.sample(index, seed=1).image, actual.sample(index, seed=1).image)


def _every_image_once(images: int, ranks: int, workers: int, batch: int, epochs: int, seed: int) -> None:
    """Ranks take shares of each step's positions, and the workers of a rank take its steps in turn."""
    sampler = PositionSampler(images, seed=seed)
    steps = -(-epochs * images // (batch * ranks))
    taken: list[int] = []
    for rank in range(ranks):
        for worker in range(workers):
            own = PositionSampler(images, seed=seed)  # a process of its own
            for step in range(worker, steps, workers):
                first = (step * ranks + rank) * batch
                positions = range(first, first + batch)
                assert [own[position] for position in positions] == [sampler[p] for p in positions]
                taken += positions
    assert sorted(taken) == [*range(steps * ranks * batch)]
    for epoch in range(epochs):
        start = epoch * images
        seen = Counter(sampler[position].index for position in range(start, start + images))
        assert seen == Counter(range(images))
    seeds = {sampler[position].seed for position in range(epochs * images)}
    assert len(seeds) == epochs * images


SHARES = {
    "images": st.integers(1, 60),
    "ranks": st.integers(1, 5),
    "workers": st.integers(1, 4),
    "batch": st.integers(1, 9),
    "epochs": st.integers(1, 3),
    "seed": st.integers(0, 2**40),
}


@settings(max_examples=examples(100), deadline=None)
@given(**SHARES)
def test_no_sample_is_lost_or_seen_twice_in_an_epoch(**share: int) -> None:
    _every_image_once(**share)


@pytest.mark.long
@settings(max_examples=2000, deadline=None)
@given(**SHARES)
def test_no_sample_is_lost_or_seen_twice_in_many_epochs(**share: int) -> None:
    _every_image_once(**share)
