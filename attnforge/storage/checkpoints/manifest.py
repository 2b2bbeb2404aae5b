"""The manifest of a checkpoint, protected by its own digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from attnforge.names import RULE, is_safe

MANIFEST = "manifest.json"


def _safe(name: str) -> str:
    if not is_safe(name):
        raise ValueError(f"{name!r} is not a safe name: {RULE}")
    return name


SafeName = Annotated[str, AfterValidator(_safe)]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The content of a checkpoint."""

    attnforge: str
    """The version of attnforge that wrote it."""
    phase: SafeName
    step: Annotated[int, Field(ge=0)]
    """Steps of the phase completed."""
    saved: float
    """When it was written, in seconds since 1970."""
    networks: tuple[SafeName, ...]
    sampling_network: SafeName | None = None
    """Which of the networks generates images; None if none does."""
    extras: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Shapes of the extras that prompts have besides captions, by name."""
    vocabulary: str
    """Fingerprint of the vocabulary."""
    data: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint of the training data; see `attnforge.data.fingerprint`."""
    constants: tuple[str, ...] = ()
    """Buffers, as `network/buffer`, that were not finite before training began, such as masks."""
    sha256: Mapping[str, str]
    """Digests of all files but the manifest, by name."""

    def text(self) -> str:
        """The manifest as JSON, with the digest of everything else in it."""
        data = asdict(self)
        return json.dumps({**data, "digest": _digest(data)}, indent=1, ensure_ascii=False) + "\n"


class ManifestError(Exception):
    """A manifest is missing, damaged or malformed."""


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the checkpoint in `folder`; its other files are not checked.

    Raises:
        ManifestError: it is missing or damaged, or malformed.
    """
    try:
        data = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError("is missing") from None
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ManifestError("is not JSON") from error
    if not isinstance(data, dict):
        raise ManifestError("is not a manifest")
    digest = data.pop("digest", None)
    if digest is None:
        raise ManifestError("has no digest: it is damaged, or was written before manifests had digests")
    if digest != _digest(data):
        raise ManifestError("is damaged: it does not match its own digest")
    try:
        return TypeAdapter(Manifest).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ManifestError(f"is not a valid manifest: `{key}`: {first['msg']}") from error


def _digest(data: Mapping[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
