"""A CLIP with random weights and a vocabulary of its own, small enough for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

PROJECTED, PLACES, SIZE, PATCH = 12, 20, 32, 8
WORDS = ("red", "bird", "blue", "black", "white", "wing")
"""Words that are one piece; all others fall into their letters."""


def vocabulary(letters: str | None = None) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Ids of every byte, inside and at the end of a word, of the words, and of the marks; and the pairs.

    Args:
        letters: Only these instead of all bytes.
    """
    from tokenizers.pre_tokenizers import ByteLevel

    alphabet = sorted(letters if letters is not None else ByteLevel.alphabet())
    pieces = [*alphabet, *(f"{letter}</w>" for letter in alphabet)]
    pairs: dict[tuple[str, str], None] = {}
    for word in WORDS:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            pairs[parts[0], parts[1]] = None
            parts[:2] = [parts[0] + parts[1]]
    known = set(pieces)
    merges = [pair for pair in pairs if _reachable(pair, known)]
    pieces += [one + two for one, two in merges]
    return {
        piece: number for number, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])
    }, merges


def write_tokenizer(folder: Path, letters: str | None = None) -> int:
    """Write a tokenizer; gives how many pieces it has."""
    from transformers import CLIPTokenizer

    pieces, merges = vocabulary(letters)
    CLIPTokenizer(vocab=pieces, merges=merges).save_pretrained(folder)
    return len(pieces)


def write_clip(folder: Path, *, seed: int = 0, letters: str | None = None, **changes: Any) -> Path:
    """Write a whole CLIP into a folder, and give the folder.

    Args:
        folder: Is made where it is missing.
        seed: Decides the weights.
        letters: The only ones that its tokenizer knows.
        changes: Options of the text's config that shall be others.
    """
    from transformers import CLIPConfig, CLIPModel

    folder.mkdir(parents=True, exist_ok=True)
    count = write_tokenizer(folder, letters)
    both = {"intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**both, "vocab_size": count, "hidden_size": 16, "max_position_embeddings": PLACES}
    text |= {"bos_token_id": count - 2, "eos_token_id": count - 1, **changes}
    vision = {**both, "hidden_size": 20, "image_size": SIZE, "patch_size": PATCH}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=PROJECTED)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CLIPModel(config)
        for weight in model.parameters():  # as drawn, most outputs would hardly depend on the inputs
            torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(folder)
    return folder


def options(folder: Path) -> dict[str, object]:
    """What a recipe says of a component of the CLIP that is written into `folder`."""
    return {"weights": str(write_clip(folder))}


def change_config(folder: Path, **changes: object) -> None:
    """Change values of config.json; a key `text_config__NAME` is one of that part."""
    path = folder / "config.json"
    said = json.loads(path.read_text())
    for key, value in changes.items():
        part, _, name = key.rpartition("__")
        (said[part] if part else said)[name] = value
    path.write_text(json.dumps(said))


def _reachable(pair: tuple[str, str], known: set[str]) -> bool:
    if not set(pair) <= known:
        return False
    known.add("".join(pair))
    return True
