"""Packages that carry tiny word vectors, found as installed ones are."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from attnforge_wordvectors import packages
from attnforge_wordvectors.vectors import TABLE, WIDTH
from safetensors.torch import save_file

from attnforge.storage.carried import CarriedFile

PIECES = ["<unk>", "<s>", "</s>", "<0x0A>", "\u2581", "r", "e", "d", "a", "b", "i"]
MERGES = [("r", "e"), ("re", "d"), ("\u2581", "red"), ("\u2581", "a"), ("b", "i")]


def vocabulary() -> list[str]:
    """All pieces in the order of their ids."""
    return PIECES + ["".join(pair) for pair in MERGES]


def write_package(folder: Path) -> Path:
    """Write a package `wordllama` of a few pieces, with its metadata."""
    package = folder / "wordllama"
    for name in ("weights", "tokenizers"):
        (package / name).mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    metadata = folder / "wordllama-0.4.0.post1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: wordllama\nVersion: 0.4.0.post1\n")
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(len(vocabulary()), WIDTH, generator=generator) + 1
    save_file({TABLE: vectors.half()}, package / "weights" / "l2_supercat_256.safetensors")
    model = {
        "type": "BPE",
        "unk_token": "<unk>",
        "vocab": {piece: number for number, piece in enumerate(vocabulary())},
        "merges": [" ".join(pair) for pair in MERGES],
    }
    prepend = {"type": "Prepend", "prepend": "\u2581"}
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [
            {
                "id": number,
                "content": piece,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for number, piece in enumerate(PIECES[:3])
        ],
        "normalizer": {"type": "Sequence", "normalizers": [prepend, spaces]},
        "model": model,
    }
    (package / "tokenizers" / "l2_supercat_tokenizer_config.json").write_text(json.dumps(tokenizer))
    return folder


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package in a folder be the installed one, with the digests of its files as the pinned ones."""
    monkeypatch.syspath_prepend(str(folder))
    pretrained = packages.PRETRAINED["wordllama"]
    tiny = replace(
        pretrained,
        weights=_pinned(pretrained.weights, folder),
        tokenizer=_pinned(pretrained.tokenizer, folder),
    )
    monkeypatch.setitem(packages.PRETRAINED, "wordllama", tiny)


def _pinned(file: CarriedFile, folder: Path) -> CarriedFile:
    content = (folder / file.module / file.file).read_bytes()
    return replace(file, sha256=hashlib.sha256(content).hexdigest())
