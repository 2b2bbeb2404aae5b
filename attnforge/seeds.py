"""Seeds that depend only on a position, so that a resumed run makes the same random choices."""

from __future__ import annotations

import hashlib

import torch


def derive_seed(*names: object) -> int:
    """A 63-bit seed from a path of names such as `(1, "gan", 1200)`; the same on every machine."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def seed_everything(*names: object) -> None:
    """Seed torch's global generators on every device from a path of names."""
    torch.manual_seed(derive_seed(*names))
