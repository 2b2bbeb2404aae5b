"""Checks shards against the digests in their manifest."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

from attnforge.data.shards.manifest import MANIFEST, local_manifest
from attnforge.errors import Place, Problem


def damaged_shards(root: Path) -> list[Problem]:
    """The shards whose bytes are not those that were written; none where there is no manifest.

    Raises:
        DataError: the manifest is damaged.
    """
    manifest = local_manifest(root)
    problems = []
    for record in manifest.shards if manifest is not None else ():
        path = root / record.name
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != record.sha256:
            message = f"the bytes of {path} are not those in {MANIFEST}"
            step = f"attnforge data shard SOURCE {shlex.quote(str(root))}"
            expected = "the shard as it was written: copy it again, or delete it and write it again"
            problems.append(Problem("broken-shard", message, Place(str(path)), expected, step))
    return problems
