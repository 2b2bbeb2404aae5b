"""Shards that hold tricks, or are not what they were written as, are refused before training."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from attnforge_folder.shards import Shards
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from attnforge.cli import run as attnforge
from attnforge.data.reading.stored_metadata import read_stored
from attnforge.data.shards.files import LocalFile
from attnforge.data.shards.index import build_index, index_file, shard_index, write_index
from attnforge.data.shards.manifest import MANIFEST
from attnforge.data.shards.tar_members import tar_members
from attnforge.data.shards.writing import write_shards
from attnforge.errors import DataError
from attnforge.specs import DataSpec

PNG = io.BytesIO()
Image.new("RGB", (8, 8), "red").save(PNG, "PNG")


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, len(content), link
    return info


def pack(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


def sample(key: str = "a") -> list[tuple[tarfile.TarInfo, bytes]]:
    image, text = PNG.getvalue(), b"a red bird"
    return [(member(f"{key}.png", image), image), (member(f"{key}.txt", text), text)]


def refused(path: Path) -> tuple[str, str]:
    with pytest.raises(DataError) as caught:
        build_index(LocalFile(path))
    return caught.value.problems[0].code, caught.value.problems[0].message


SPARSE = member("b.png")
SPARSE.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (member("b.png", kind=tarfile.SYMTYPE, link="/etc/passwd"), "symbolic link"),
        (member("b.png", kind=tarfile.LNKTYPE, link="a.png"), "hard link"),
        (member("b.png", kind=tarfile.CHRTYPE), "device"),
        (member("b.png", kind=tarfile.BLKTYPE), "device"),
        (member("b.png", kind=tarfile.FIFOTYPE), "named pipe"),
        (member("b.png", kind=tarfile.GNUTYPE_SPARSE), "sparse"),
        (SPARSE, "sparse"),
        (member("b.png", kind=b"Z"), "unknown kind"),
        (member("/etc/b.png"), "leads out"),
        (member("../b.png"), "leads out"),
        (member("x/../../b.png"), "leads out"),
        (member("C:/b.png"), "leads out"),
        (member("..\\b.png"), "leads out"),
        (member("x" * 120 + "/../../b.png"), "leads out"),
        (member("a.png"), "two members named"),
    ],
)
def test_members_that_are_no_files_below_are_refused(
    tmp_path: Path, info: tarfile.TarInfo, reason: str
) -> None:
    code, message = refused(pack(tmp_path / "a.tar", *sample(), (info, b"")))
    assert code == "unsafe-shard"
    assert reason in message
    assert not (tmp_path / "a.tar.index.npz").exists()


@pytest.mark.parametrize("size", [10 << 30, 1 << 62, 100_000])
def test_a_size_beyond_the_file_is_refused(tmp_path: Path, size: int) -> None:
    info = member("b.png")
    info.size = size
    path = pack(tmp_path / "a.tar", *sample())
    content = path.read_bytes().rstrip(b"\0")
    content += bytes(-len(content) % 512) + info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)
    path.write_bytes(content)
    code, message = refused(path)
    assert (code, "claims" in message) == ("broken-shard", True)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("size", [1 << 40, 70_000])
def test_an_extended_header_that_claims_much_is_refused(tmp_path: Path, kind: bytes, size: int) -> None:
    info = member("x", kind=kind)
    info.size = size
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(100_000))
    assert refused(tmp_path / "a.tar")[0] == "broken-shard"


@pytest.mark.parametrize(
    "record",
    [b"8 path=a\n", b"999999999999 path=a\n", b"0 path=\n", b"12 path", b"\xff" * 20, b"11 size=-5\n"],
)
def test_malformed_extended_headers_are_refused(tmp_path: Path, record: bytes) -> None:
    info = member("x", record, kind=tarfile.XHDTYPE)
    follows = member("a.png")
    content = info.tobuf() + record.ljust(512, b"\0") + follows.tobuf() + bytes(1024)
    (tmp_path / "a.tar").write_bytes(content)
    assert refused(tmp_path / "a.tar")[0] == "broken-shard"


@pytest.mark.parametrize(
    "cut",
    [lambda size: size // 2, lambda size: 512, lambda size: 100, lambda size: 0, lambda size: size - 700],
)
def test_a_truncated_shard_is_refused(tmp_path: Path, cut: Callable[[int], int]) -> None:
    path = pack(tmp_path / "a.tar", *(part for number in range(9) for part in sample(str(number))))
    content = path.read_bytes().rstrip(b"\0")
    path.write_bytes(content[: cut(len(content))])
    assert refused(path)[0] == "broken-shard"


@pytest.mark.parametrize("content", [b"", b"<html>" * 300, PNG.getvalue(), b"PK\3\4" + bytes(5000)])
def test_what_is_not_a_tar_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    assert refused(tmp_path / "a.tar")[0] == "broken-shard"


def test_samples_without_one_image_or_without_captions_are_named(tmp_path: Path) -> None:
    image = PNG.getvalue()
    more = [(member("a.jpg", image), image)]
    assert refused(pack(tmp_path / "a.tar", *sample(), *more))[0] == "shard-sample"
    assert refused(pack(tmp_path / "b.tar", sample()[1]))[0] == "shard-sample"
    assert refused(pack(tmp_path / "c.tar", sample()[0]))[0] == "no-captions"
    outside = json.dumps({"file_name": "../../x.png", "text": "a bird"}).encode()
    assert (
        refused(pack(tmp_path / "d.tar", sample()[0], (member("a.json", outside), outside)))[0]
        == "file-outside"
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 3 * 512 + 100), value=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_changes_no_place(tmp_path: Path, place: int, value: int) -> None:
    path = pack(tmp_path / "a.tar", *sample())
    before = [*tar_members(LocalFile(path))]
    content = bytearray(path.read_bytes())
    content[place] = value
    path.write_bytes(content)
    try:
        members = [*tar_members(LocalFile(path))]
    except DataError:
        return
    assert members == before


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_a_damaged_index_never_leads_outside_the_shard(tmp_path: Path, place: float, value: int) -> None:
    shard = LocalFile(pack(tmp_path / "a.tar", *sample()))
    write_index(shard, build_index(shard))
    path = Path(index_file(shard).name)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] = value
    path.write_bytes(content)
    index = shard_index(shard)
    assert [*index.rows.captions] == ["a red bird"]
    assert int((index.starts + index.sizes).max()) <= shard.size()


def test_a_pickled_index_is_not_unpickled(tmp_path: Path) -> None:
    shard = LocalFile(pack(tmp_path / "a.tar", *sample()))
    with Path(index_file(shard).name).open("wb") as stream:
        np.savez(stream, format=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert [*shard_index(shard).rows.captions] == ["a red bird"]


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("four")
    lines = []
    for number in range(8):
        Image.new("RGB", (24, 24), (30 * number, 9, 9)).save(root / f"{number}.png")
        lines.append(json.dumps({"file_name": f"{number}.png", "text": "a bird", "split": "train"}))
    (root / "metadata.jsonl").write_text("\n".join(lines))
    list(write_shards(*read_stored(root), root / "shards", images_per_shard=2))
    return root / "shards"


def _without_manifest(root: Path) -> None:
    (root / MANIFEST).unlink()


@pytest.mark.parametrize("prepare", [lambda _: None, _without_manifest], ids=["manifest", "listing"])
def test_a_shard_missing_in_the_middle_is_named(
    four: Path, tmp_path: Path, prepare: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "shards"
    shutil.copytree(four, root)
    (root / "shard-000002.tar").unlink()
    prepare(root)
    code = attnforge(
        ["train", "quickstart", f"data={{use: shards, root: {root}}}", "--out", str(tmp_path / "run")]
    )
    shown = capsys.readouterr().err
    assert code == 1
    assert "error[missing-shard]" in shown
    assert "shard-000002.tar is missing" in shown
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda root: (root / "shard-000001.tar").write_bytes(b"x"), "broken-shard"),
        (lambda root: (root / MANIFEST).write_text("{"), "bad-manifest"),
        (lambda root: (root / MANIFEST).write_text('{"format": 2}'), "bad-manifest"),
        (
            lambda root: (root / MANIFEST).write_text(
                (root / MANIFEST).read_text().replace('"shard-000001.tar"', '"../shard-000001.tar"')
            ),
            "bad-manifest",
        ),
    ],
)
def test_damaged_data_sets_are_refused(
    four: Path, tmp_path: Path, damage: Callable[[Path], object], code: str
) -> None:
    root = tmp_path / "shards"
    shutil.copytree(four, root)
    damage(root)
    with pytest.raises(DataError) as caught:
        Shards(DataSpec(split="train", image_size=16), root=str(root))
    assert caught.value.problems[0].code == code


@pytest.mark.parametrize("root", ["nowhere", "{0..1}.tar", "a-{3..1}.tar"])
def test_no_shards_are_an_error(tmp_path: Path, root: str) -> None:
    with pytest.raises(DataError) as caught:
        Shards(DataSpec(split="train", image_size=16), root=str(tmp_path / root))
    assert caught.value.problems[0].code in ("no-shards", "missing-shard")


@pytest.mark.parametrize("name", ["birds", "./birds", "link"])
def test_shards_are_not_written_among_their_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "birds"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    Image.new("RGB", (80, 80), "red").save(folder / "0.png")
    (folder / "metadata.jsonl").write_text('{"file_name": "0.png", "text": "a red bird"}\n')
    assert attnforge(["data", "shard", "birds", name]) == 1
    assert "error[shards-in-source]" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == ["0.png", "metadata.jsonl"]
    assert attnforge(["data", "shard", "birds", "birds-shards"]) == 0
