"""Which shards a data set has: those of a manifest, a pattern or a folder; none may be missing."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from attnforge.data.shards.files import LocalFile, RemoteFile, ShardFile, file_system
from attnforge.data.shards.manifest import MANIFEST, Manifest, read_manifest
from attnforge.errors import DataError, Place, Problem

MAX_SHARDS = 1_000_000
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
EXPECTED = "a folder of tar files, or a pattern such as data/shard-{000000..000099}.tar"


def find_shards(root: str) -> list[ShardFile]:
    """The shards of a folder, an address or a pattern, in order.

    Args:
        root: A folder; or a tar file, whose number may be a range such as `{000..099}`. Either may be an
            address with a scheme that fsspec knows.

    Raises:
        DataError: there are none, or one of them is missing or has another size than in the manifest.
    """
    remote = "://" in root
    if root.endswith(".tar"):
        names = _expanded(root)
        shards: list[ShardFile] = [
            RemoteFile(name) if remote else LocalFile(Path(name).expanduser()) for name in names
        ]
        _refuse_missing(root, [shard for shard in shards if not _exists(shard)])
        return shards
    base: ShardFile = (
        RemoteFile(f"{root.rstrip('/')}/{MANIFEST}")
        if remote
        else LocalFile(Path(root).expanduser() / MANIFEST)
    )
    manifest = read_manifest(base)
    if manifest is not None:
        return _of_manifest(root, base, manifest)
    listed = sorted(_names(root, base))
    if not listed:
        message = f"{root} has no shards"
        raise DataError(Problem("no-shards", message, Place(root), EXPECTED))
    _refuse_missing(root, [base.sibling(name) for name in _gaps(listed)])
    return [base.sibling(name) for name in listed]


def has_shards(root: Path) -> bool:
    """Whether a folder of this machine is a data set in shards."""
    return (root / MANIFEST).is_file() or (root.is_dir() and any(root.glob("*.tar")))


def _of_manifest(root: str, base: ShardFile, manifest: Manifest) -> list[ShardFile]:
    if not manifest.complete:
        message = f"{root} is incomplete: writing its shards was interrupted"
        step = f"attnforge data shard SOURCE {shlex.quote(root)}"
        raise DataError(Problem("unfinished-shards", message, Place(root), "all shards", step))
    shards = [base.sibling(record.name) for record in manifest.shards]
    _refuse_missing(root, [shard for shard in shards if not _exists(shard)])
    for shard, record in zip(shards, manifest.shards, strict=True):
        if (size := shard.size()) != record.bytes:
            message = f"{shard.name} has {size:,} bytes, and {record.bytes:,} in {MANIFEST}"
            expected = "the shard as it was written: copy it again"
            raise DataError(Problem("broken-shard", message, Place(shard.name), expected))
    return shards


def _expanded(pattern: str) -> list[str]:
    match = _RANGE.search(pattern)
    if match is None:
        return [pattern]
    first, last = int(match[1]), int(match[2])
    if last < first or last - first >= MAX_SHARDS:
        message = f"{match[0]} is not a range of shards"
        raise DataError(Problem("no-shards", message, Place(pattern), EXPECTED))
    width = len(match[1])
    names = (f"{pattern[: match.start()]}{number:0{width}d}" for number in range(first, last + 1))
    return [name + pattern[match.end() :] for name in names]


def _names(root: str, base: ShardFile) -> list[str]:
    if isinstance(base, LocalFile):
        return [path.name for path in base.path.parent.glob("*.tar")]
    system, path = file_system(root)
    try:
        return [str(name).rpartition("/")[2] for name in system.glob(f"{path.rstrip('/')}/*.tar")]
    except OSError as error:
        message = f"{root} cannot be listed: {error}"
        raise DataError(Problem("no-shards", message, Place(root), EXPECTED)) from error


def _gaps(names: Sequence[str]) -> list[str]:
    """The names that are missing between numbered names."""
    missing = []
    for before, after in pairwise(names):
        first, last = (re.fullmatch(r"(.*?)(\d+)(\D*)", name) for name in (before, after))
        if first is None or last is None or (first[1], first[3]) != (last[1], last[3]):
            continue
        width = len(first[2])
        if len(last[2]) == width:
            numbers = range(int(first[2]) + 1, min(int(last[2]), int(first[2]) + MAX_SHARDS))
            missing += [f"{first[1]}{number:0{width}d}{first[3]}" for number in numbers]
    return missing


def _exists(shard: ShardFile) -> bool:
    try:
        shard.size()
    except OSError:
        return False
    return True


def _refuse_missing(root: str, missing: Sequence[ShardFile]) -> None:
    if not missing:
        return
    others = f", as are {len(missing) - 1:,} others" if len(missing) > 1 else ""
    message = f"the shard {missing[0].name} is missing{others}"
    expected = "every shard of the data set: copy it again, or write the data set again"
    raise DataError(Problem("missing-shard", message, Place(root), expected))
