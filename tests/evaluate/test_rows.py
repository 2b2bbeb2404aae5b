"""One pass over images: rows that are shared, kept, resumed and divided."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

import attnforge.evaluate.extracting as extracting
from attnforge.evaluate.cache import RowCache
from attnforge.evaluate.extracting import Extraction
from attnforge.evaluate.networks import Networks, Reference
from attnforge.interfaces import NetworkOutput
from attnforge.specs import DataSpec
from attnforge.testing.examples.texts import ExampleDataset


class Numbered:
    """Image n has the grey level n; notes which are asked for, and stops when it is told."""

    def __init__(self, count: int, *, stop_at: int | None = None) -> None:
        self.captions = [f"image {number}" for number in range(count)]
        self.stop_at = stop_at
        self.asked: list[int] = []

    def images(self, numbers: Sequence[int]) -> Tensor:
        if self.stop_at is not None and self.stop_at in numbers:
            raise KeyboardInterrupt
        self.asked += numbers
        levels = torch.tensor([2 * number / 255 - 1 for number in numbers])
        return levels[:, None, None, None].expand(-1, 3, 2, 2)


def level(images: Tensor, captions: Sequence[str]) -> Tensor:
    return images[:, 0, 0, 0]


EXTRACTORS = {"level": level}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extracting, "CHUNK_IMAGES", 10)


def test_a_stopped_pass_resumes_where_it_was_and_gives_the_same(tmp_path: Path) -> None:
    expected = Extraction(batch_size=4).rows(Numbered(35), EXTRACTORS)["level"]
    assert expected.tolist() == pytest.approx([2 * number / 255 - 1 for number in range(35)])
    cache = RowCache(tmp_path, {"run": 1})
    stopped = Numbered(35, stop_at=25)
    with pytest.raises(KeyboardInterrupt):
        Extraction(batch_size=4, cache=cache).rows(stopped, EXTRACTORS)
    resumed = Numbered(35)
    rows = Extraction(batch_size=7, cache=cache).rows(resumed, EXTRACTORS)
    assert torch.equal(rows["level"], expected)
    assert resumed.asked == list(range(20, 35))
    again = Numbered(35)
    Extraction(cache=cache).rows(again, EXTRACTORS)
    assert again.asked == []
    other = Numbered(35)
    Extraction(cache=RowCache(tmp_path, {"run": 2})).rows(other, EXTRACTORS)
    assert other.asked == list(range(35))
    # nor is a file of another protocol used that was copied to its place
    folders = sorted(path.parent for path in tmp_path.rglob("00000.safetensors"))
    shutil.copy(folders[0] / "00000.safetensors", folders[1] / "00000.safetensors")
    shutil.copy(folders[1] / "00001.safetensors", folders[0] / "00001.safetensors")
    for run in (1, 2):
        misled = Numbered(35)
        Extraction(cache=RowCache(tmp_path, {"run": run})).rows(misled, EXTRACTORS)
        assert len(misled.asked) == 10


def test_a_new_metric_extracts_its_own_rows_alone(tmp_path: Path) -> None:
    cache = RowCache(tmp_path, {"run": 1})
    Extraction(cache=cache).rows(Numbered(12), EXTRACTORS)
    calls: list[str] = []

    def noted(images: Tensor, captions: Sequence[str]) -> Tensor:
        calls.extend(captions)
        return images.mean(dim=(1, 2, 3))

    def never(images: Tensor, captions: Sequence[str]) -> Tensor:
        raise AssertionError

    rows = Extraction(cache=cache).rows(Numbered(12), {"level": never, "mean": noted})
    assert len(rows["level"]) == len(rows["mean"]) == len(calls) == 12


def test_parts_together_are_the_whole(tmp_path: Path) -> None:
    cache = RowCache(tmp_path, {"run": 1})
    parts = [Extraction(cache=cache).rows(Numbered(35), EXTRACTORS, part=(n, 3))["level"] for n in range(3)]
    assert sorted(map(len, parts)) == [10, 10, 15]
    whole = Numbered(35)
    rows = Extraction(cache=cache).rows(whole, EXTRACTORS)["level"]
    assert whole.asked == []
    assert torch.equal(rows.sort().values, torch.cat(parts).sort().values)


def test_a_damaged_file_is_extracted_again(tmp_path: Path) -> None:
    cache = RowCache(tmp_path, {"run": 1})
    Extraction(cache=cache).rows(Numbered(25), EXTRACTORS)
    files = sorted(tmp_path.rglob("*.safetensors"))
    assert len(files) == 3
    files[0].write_bytes(files[0].read_bytes()[:-8])
    files[1].write_bytes(b"")
    again = Numbered(25)
    rows = Extraction(cache=cache).rows(again, EXTRACTORS)
    assert again.asked == list(range(20))
    assert len(rows["level"]) == 25


def test_a_folder_that_cannot_be_written_costs_a_warning_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    warnings: list[str] = []
    cache = RowCache(tmp_path / "file", {"run": 1}, warnings.append)
    assert len(Extraction(cache=cache).rows(Numbered(5), EXTRACTORS)["level"]) == 5
    assert "cannot be kept" in warnings[0]


class Counting(torch.nn.Module):
    """A network that counts its calls."""

    name, dim, classes = "counting", 2, 3
    calls = 0

    def protocol(self) -> dict[str, str]:
        return {"network": "counting"}

    def forward(self, images: Tensor) -> NetworkOutput:
        type(self).calls += 1
        return NetworkOutput(images.mean(dim=(2, 3))[:, :2], images.mean(dim=(2, 3)))


def test_one_pass_of_a_network_serves_all_of_its_rows_and_real_images_are_kept(tmp_path: Path) -> None:
    def networks() -> Networks:
        def data(split: str) -> ExampleDataset:
            return ExampleDataset(DataSpec(split=split, image_size=16))

        return Networks(Reference(data, torch.device("cpu"), image_size=16, folder=tmp_path))

    Counting.calls = 0
    shared = networks()
    first, second = shared(Counting), shared(Counting)
    assert first is second
    rows = {**first.extractors(), **second.extractors(logits=True)}
    Extraction(batch_size=5).rows(Numbered(10), rows)
    assert Counting.calls == 2
    real = first.of_data()
    calls = Counting.calls
    assert torch.equal(second.of_data(), real)
    assert torch.equal(networks()(Counting).of_data(), real)
    assert Counting.calls == calls > 2
    assert set(shared.details()["real images"]) == {"test", "size"}
