"""What a tokenizer promises: ids that depend on the captions alone and travel inside checkpoints."""

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
OTHERS = ("two dogs run over wet grass", "a train stops at the old station", "people eat pizza at a table")


def order_of_captions(subject: Subject) -> None:
    """The same captions in any order give the same ids."""
    one, two = _fitted(subject, CAPTIONS), _fitted(subject, tuple(reversed(CAPTIONS)))
    for caption in CAPTIONS:
        require(
            one.encode(caption) == two.encode(caption),
            f"captions in another order change the ids of {caption!r}",
        )
    require(one.fingerprint == two.fingerprint, "captions in another order change the fingerprint")


def learning_replaces(subject: Subject) -> None:
    """What is learned replaces what was known before."""
    twice = _fitted(subject, OTHERS)
    twice.fit(CAPTIONS)
    once = _fitted(subject, CAPTIONS)
    require(twice.fingerprint == once.fingerprint, "the fingerprint remembers captions of an earlier `fit`")
    for caption in (*CAPTIONS, *OTHERS):
        require(
            twice.encode(caption) == once.encode(caption), f"ids of {caption!r} remember an earlier `fit`"
        )


def state_round_trip(subject: Subject) -> None:
    """Its state is plain JSON, and another instance that loads it is the same tokenizer."""
    tokenizer, other = _fitted(subject, CAPTIONS), subject.build()
    try:
        text = json.dumps(tokenizer.state())
    except (TypeError, ValueError) as error:
        raise AssertionError(f"the state is no plain JSON data: {error}") from error
    other.load_state(json.loads(text))
    require(other.vocabulary_size == tokenizer.vocabulary_size, "the loaded vocabulary has another size")
    require(other.fingerprint == tokenizer.fingerprint, "the loaded vocabulary has another fingerprint")
    for caption in (*CAPTIONS, *OTHERS):
        require(other.encode(caption) == tokenizer.encode(caption), f"loaded, {caption!r} has other ids")


def fingerprint_follows_the_vocabulary(subject: Subject) -> None:
    """Two vocabularies have the same fingerprint exactly when they are the same."""
    one, two = _fitted(subject, CAPTIONS), _fitted(subject, OTHERS)
    same_state = one.state() == two.state()
    same_print = one.fingerprint == two.fingerprint
    vocabularies = "the same vocabulary" if same_state else "different vocabularies"
    prints = "the same fingerprint" if same_print else "different fingerprints"
    require(same_state == same_print, f"{vocabularies} have {prints}")
    require(one.fingerprint and isinstance(one.fingerprint, str), f"the fingerprint is {one.fingerprint!r}")


def ids_in_range(subject: Subject) -> None:
    """Ids lie in [1, vocabulary_size): 0 is padding."""

    def holds(caption: str) -> None:
        ids = tokenizer.encode(caption)
        require(all(isinstance(one, int) for one in ids), f"ids of {caption!r} are {ids}")
        odd = [one for one in ids if not 0 < one < tokenizer.vocabulary_size]
        require(not odd, f"{caption!r} has the ids {odd} in a vocabulary of {tokenizer.vocabulary_size}")

    tokenizer = _fitted(subject, CAPTIONS)
    for_all(captions() | any_texts(), holds, examples=30)


def one_token_an_id(subject: Subject) -> None:
    """`tokens` gives one text for every id of `encode`, the same text for the same id."""

    def holds(caption: str) -> None:
        tokens, ids = tokenizer.tokens(caption), tokenizer.encode(caption)
        require(len(tokens) == len(ids), f"{caption!r} has {len(tokens)} tokens and {len(ids)} ids")
        for token, one in zip(tokens, ids, strict=True):
            require(isinstance(token, str) and token, f"a token of {caption!r} is {token!r}")
            require(named.setdefault(one, token) == token, f"id {one} is `{named[one]}` and `{token}`")

    tokenizer = _fitted(subject, CAPTIONS)
    named: dict[int, str] = {}
    for_all(captions() | any_texts(), holds, examples=30)


def learned_captions_are_read(subject: Subject) -> None:
    """A caption that it learned from has ids, and different captions have different ones."""
    tokenizer = _fitted(subject, CAPTIONS)
    found = [tuple(tokenizer.encode(caption)) for caption in CAPTIONS]
    for caption, ids in zip(CAPTIONS, found, strict=True):
        require(ids, f"nothing of {caption!r} is known after learning from it")
    require(len(set(found)) == len(found), "different captions have the same ids")


def unknown_is_named(subject: Subject) -> None:
    """`unknown` names what `encode` leaves out: nothing of a learned caption, all of foreign letters."""
    tokenizer = _fitted(subject, CAPTIONS)
    for caption in CAPTIONS:
        left = tokenizer.unknown(caption)
        require(not left, f"of {caption!r}, which it learned from, it does not know {left}")
    foreign = "\u0938\u092e\u092f \u65f6\u95f4"
    left, kept = tokenizer.unknown(foreign), tokenizer.encode(foreign)
    require(left or kept, f"it neither encodes {foreign!r} nor names it as unknown")


def _fitted(subject: Subject, learned: tuple[str, ...]) -> Any:
    tokenizer = subject.build()
    tokenizer.fit(learned)
    return tokenizer


CHECKS: tuple[Callable[[Subject], None], ...] = (
    order_of_captions,
    learning_replaces,
    state_round_trip,
    fingerprint_follows_the_vocabulary,
    ids_in_range,
    one_token_an_id,
    learned_captions_are_read,
    unknown_is_named,
)
