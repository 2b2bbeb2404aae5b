"""Tokenizers in JavaScript read captions as in Python."""

from __future__ import annotations

import json

import pytest
from attnforge_attngan.tokenizer import WordTokenizer
from attnforge_reed.characters import CharacterTokenizer
from javascript import run_javascript

from attnforge.interfaces import Tokenizer
from attnforge.optional import ReadsInPages

CAPTIONS = (
    "a red bird with white wings",
    "A Red-Bird's wings; white, white!",
    "",
    "   \t\n ",
    "xylophone",
    "caf\u00e9 cafe\u0301 CAF\u00c9 na\u00efve \u00c5ngstr\u00f6m",
    "\u1e9e\u00df \u0130stanbul \u03a3\u03a3\u03a3",
    "\u092a\u0915\u094d\u0937\u0940 \u0644\u0627\u0644 \u0645\u064f\u0631\u063a",
    "\u05e6\u05b4\u05e4\u05bc\u05d5\u05b9\u05e8 \u0e19\u0e01",
    "\u0e2a\u0e35\u0e41\u0e14\u0e07 \u8d64\u3044\u9ce5",
    "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 bird\u200d wing\u200c\u200d",
    "red\u2764\ufe0fbird \U0001f426\U0001f426\ufe0f \U0001f1e9\U0001f1ea 4\u00b2 \u2167 \u00bd _x_ 10,5",
    "it\ufffd\ufffds a bird\ufffds wing",
    "a\u00a0b\u2003c\u2028d\x1ce\x85f\ufeffg",
    "\u0301a \u200cred -- __ \ud83d",
    "<img src=x onerror=alert(1)> __proto__ constructor toString",
)  # fmt: skip


def tokenizers() -> dict[str, Tokenizer]:
    words = {letters: WordTokenizer(letters=letters) for letters in ("any", "ascii")}
    for tokenizer in words.values():
        tokenizer.fit([*CAPTIONS[:2], *CAPTIONS[5:]] * 2)
    partly = WordTokenizer()
    partly.fit(["red bird constructor", "caf\u00e9"])
    characters = {
        f"{case} {unknown}": CharacterTokenizer(extra="\u00e4\u00e9", case=case, unknown=unknown)
        for case in ("lower", "keep")
        for unknown in ("skip", "blank")
    }
    return {**words, "partly": partly, **characters}


@pytest.mark.parametrize("name", tokenizers())
def test_ids_tokens_and_unknown_tokens_are_the_same(name: str) -> None:
    tokenizer = tokenizers()[name]
    assert isinstance(tokenizer, ReadsInPages)
    script, data = tokenizer.page_tokenizer()
    read = run_javascript(
        f"{script}\nconst [data, captions] = {json.dumps([data, CAPTIONS])};\n"
        "const tokenize = makeTokenizer(data);\nresult(captions.map(tokenize));"
    )
    for caption, tokens in zip(CAPTIONS, read, strict=True):
        known = [token for token in tokens if token["id"] is not None]
        assert [token["id"] for token in known] == tokenizer.encode(caption)
        if "\ud83d" not in caption:  # lone surrogates are written as another character
            assert [token["text"] for token in known] == tokenizer.tokens(caption)
        keeps = getattr(tokenizer, "blank", None) is not None
        if not keeps:  # with blanks, no character is left out
            assert len(tokens) - len(known) == len(tokenizer.unknown(caption))
