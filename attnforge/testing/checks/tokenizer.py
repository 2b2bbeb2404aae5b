"""What a tokenizer promises: ids that depend on the captions alone and can be stored in checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attnforge.testing.expect import for_all, require
from attnforge.testing.strategies import any_texts, captions
from attnforge.testing.subject import Subject

CAPTIONS = (
    "a small red bird with a black crown",
    "this bird is blue and has a long beak",
    "the green bird sits on a branch",
    "A red bird, with white wings.",
    "the wings of the bird are red and its belly is yellow",
    "a black and white bird",
)
OTHER_CAPTIONS = (
    "two dogs run over wet grass",
    "a train stops at the old station",
    "people eat pizza at a table",
)


def caption_order_invariance(subject: Subject) -> None:
    """The order of the captions in `fit` does not change the ids."""
    first, second = _fitted(subject, CAPTIONS), _fitted(subject, tuple(reversed(CAPTIONS)))
    for caption in CAPTIONS:
        require(
            first.encode(caption) == second.encode(caption),
            f"the order of the captions changes the ids of {caption!r}",
        )
    require(first.fingerprint == second.fingerprint, "the order of the captions changes the fingerprint")


def fit_replaces_the_vocabulary(subject: Subject) -> None:
    """`fit` replaces the vocabulary of an earlier `fit`."""
    twice = _fitted(subject, OTHER_CAPTIONS)
    twice.fit(CAPTIONS)
    once = _fitted(subject, CAPTIONS)
    require(twice.fingerprint == once.fingerprint, "the fingerprint depends on an earlier `fit`")
    for caption in (*CAPTIONS, *OTHER_CAPTIONS):
        require(
            twice.encode(caption) == once.encode(caption),
            f"the ids of {caption!r} depend on an earlier `fit`",
        )


def state_round_trip(subject: Subject) -> None:
    """Its state is plain JSON data, and another instance that loads it is the same tokenizer."""
    tokenizer, other = _fitted(subject, CAPTIONS), subject.build()
    try:
        text = json.dumps(tokenizer.state())
    except (TypeError, ValueError) as error:
        raise AssertionError(f"the state is not plain JSON data: {error}") from error
    other.load_state(json.loads(text))
    require(
        other.vocabulary_size == tokenizer.vocabulary_size,
        "the vocabulary has a different size after loading",
    )
    require(other.fingerprint == tokenizer.fingerprint, "the fingerprint is different after loading")
    for caption in (*CAPTIONS, *OTHER_CAPTIONS):
        require(
            other.encode(caption) == tokenizer.encode(caption), f"{caption!r} has different ids after loading"
        )


def fingerprint_identifies_the_vocabulary(subject: Subject) -> None:
    """Two vocabularies have the same fingerprint if and only if they are the same."""
    first, second = _fitted(subject, CAPTIONS), _fitted(subject, OTHER_CAPTIONS)
    same_state = first.state() == second.state()
    same_fingerprint = first.fingerprint == second.fingerprint
    vocabularies = "equal vocabularies" if same_state else "different vocabularies"
    fingerprints = "the same fingerprint" if same_fingerprint else "different fingerprints"
    require(same_state == same_fingerprint, f"{vocabularies} have {fingerprints}")
    valid = first.fingerprint and isinstance(first.fingerprint, str)
    require(valid, f"the fingerprint is {first.fingerprint!r}, not a non-empty string")


def ids_in_range(subject: Subject) -> None:
    """Ids lie in [1, vocabulary_size): 0 is padding."""

    def holds(caption: str) -> None:
        ids = tokenizer.encode(caption)
        require(
            all(isinstance(token_id, int) for token_id in ids), f"ids of {caption!r} are {ids}, not integers"
        )
        invalid = [token_id for token_id in ids if not 0 < token_id < tokenizer.vocabulary_size]
        require(not invalid, f"{caption!r} has ids {invalid} in a vocabulary of {tokenizer.vocabulary_size}")

    tokenizer = _fitted(subject, CAPTIONS)
    for_all(captions() | any_texts(), holds, examples=30)


def one_token_per_id(subject: Subject) -> None:
    """`tokens` returns one string for every id of `encode`, the same string for the same id."""

    def holds(caption: str) -> None:
        tokens, ids = tokenizer.tokens(caption), tokenizer.encode(caption)
        require(len(tokens) == len(ids), f"{caption!r} has {len(tokens)} tokens and {len(ids)} ids")
        for token, token_id in zip(tokens, ids, strict=True):
            require(
                isinstance(token, str) and token,
                f"a token of {caption!r} is {token!r}, not a non-empty string",
            )
            known = token_of.setdefault(token_id, token)
            require(known == token, f"id {token_id} is both `{known}` and `{token}`")

    tokenizer = _fitted(subject, CAPTIONS)
    token_of: dict[int, str] = {}
    for_all(captions() | any_texts(), holds, examples=30)


def encodes_fitted_captions(subject: Subject) -> None:
    """Captions passed to `fit` have ids, and different captions have different ids."""
    tokenizer = _fitted(subject, CAPTIONS)
    encoded = [tuple(tokenizer.encode(caption)) for caption in CAPTIONS]
    for caption, ids in zip(CAPTIONS, encoded, strict=True):
        require(ids, f"{caption!r} has no ids after `fit`")
    require(len(set(encoded)) == len(encoded), "different captions have the same ids")


def reports_unknown_words(subject: Subject) -> None:
    """`unknown` lists what `encode` skips: nothing in a fitted caption, everything in a foreign script."""
    tokenizer = _fitted(subject, CAPTIONS)
    for caption in CAPTIONS:
        unknown = tokenizer.unknown(caption)
        require(not unknown, f"{unknown} of the fitted caption {caption!r} is reported as unknown")
    foreign = "\u0938\u092e\u092f \u65f6\u95f4"
    unknown, ids = tokenizer.unknown(foreign), tokenizer.encode(foreign)
    require(unknown or ids, f"{foreign!r} is neither encoded nor reported as unknown")


def _fitted(subject: Subject, captions: tuple[str, ...]) -> Any:
    tokenizer = subject.build()
    tokenizer.fit(captions)
    return tokenizer


CHECKS: tuple[Callable[[Subject], None], ...] = (
    caption_order_invariance,
    fit_replaces_the_vocabulary,
    state_round_trip,
    fingerprint_identifies_the_vocabulary,
    ids_in_range,
    one_token_per_id,
    encodes_fitted_captions,
    reports_unknown_words,
)
