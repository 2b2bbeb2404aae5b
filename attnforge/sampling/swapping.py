"""Captions in which words are swapped for others, such as those of Figure 5 of AttnGAN (Xu et al., 2018)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from attnforge.errors import AttnforgeError, Problem, nearest
from attnforge.interfaces import Tokenizer

Swaps = Mapping[str, str] | Iterable[tuple[str, str]]
"""Words of a caption and what replaces each, in order."""

_WORD = re.compile(r"\w+(?:['-]\w+)*")


def swapped_captions(caption: str, swaps: Swaps, tokenizer: Tokenizer) -> list[str]:
    """The caption, and behind it one more for each swap, with this and all earlier swaps made.

    Words are those of the original caption, wherever they occur in it: swaps do not see one another, so that
    `red=white` and `white=red` exchange two colours. A later swap of the same word replaces the earlier.

    Args:
        caption: The original caption.
        swaps: What replaces which word; neither is case-sensitive.
        tokenizer: Of the run. All captions have equally many tokens, each in the original's place.

    Raises:
        AttnforgeError: a word does not occur in the caption, or is not in the vocabulary, or overlaps with
            another, or a swap changes nothing or the number of tokens; all such swaps are listed.
    """
    pairs = list(swaps.items() if isinstance(swaps, Mapping) else swaps)
    problems = [problem for old, new in pairs if (problem := _problem(caption, old, new, tokenizer))]
    if problems:
        raise AttnforgeError(problems)
    captions, tokens = [caption], len(tokenizer.tokens(caption))
    for number, (old, new) in enumerate(pairs, start=1):
        captions.append(_replaced(caption, pairs[:number]))
        length = len(tokenizer.tokens(captions[-1]))
        if length != tokens:
            message = f"the swap `{old}={new}` changes the caption from {tokens} to {length} tokens"
            expected = "a word of as many tokens, so that every other word keeps its place"
            problems.append(Problem("swap-length", message, expected=expected))
    if problems:
        raise AttnforgeError(problems)
    return captions


def _problem(caption: str, old: str, new: str, tokenizer: Tokenizer) -> Problem | None:
    """Why a swap cannot be made; None if it can, as far as it alone is concerned."""
    swap = f"`{old}={new}`"
    if not old.strip() or not new.strip() or old.casefold() == new.casefold():
        message = f"the swap {swap} has an empty word" if old != new else f"the swap {swap} changes nothing"
        return Problem("bad-swap", message, expected="two different words, such as `red=blue`")
    if not _places(caption, old):
        words = list(dict.fromkeys(_WORD.findall(caption)))
        close = nearest(old, words)
        known = f"one of {', '.join(words)}" if words else "a caption with words"
        expected = f"`{close}`; its words: {', '.join(words)}" if close else known
        message = f"the word {old!r} of the swap {swap} is not in the caption {caption!r}"
        return Problem("swap-word-missing", message, expected=expected)
    unknown = [word for text in (old, new) for word in tokenizer.unknown(text)]
    if unknown:
        message = f"the vocabulary lacks {', '.join(map(repr, unknown))} of the swap {swap}"
        return Problem(
            "swap-unknown-word", message, expected="words of the captions that the run was trained on"
        )
    return None


def _places(caption: str, word: str) -> list[tuple[int, int]]:
    """Where a word occurs in the caption as a whole word."""
    pattern = rf"(?<!\w){re.escape(word.strip())}(?!\w)"
    return [match.span() for match in re.finditer(pattern, caption, re.IGNORECASE)]


def _replaced(caption: str, pairs: Sequence[tuple[str, str]]) -> str:
    """The caption with all swaps made at once.

    Raises:
        AttnforgeError: two of them overlap.
    """
    newest = {old.strip().casefold(): (old, new) for old, new in pairs}
    places = sorted((*place, old, new) for old, new in newest.values() for place in _places(caption, old))
    parts, end, last = [], 0, ""
    for start, stop, old, new in places:
        if start < end:
            message = f"the words {last!r} and {old!r} to swap overlap in the caption {caption!r}"
            raise AttnforgeError(Problem("bad-swap", message, expected="words that do not overlap"))
        parts += [caption[end:start], new.strip()]
        end, last = stop, old
    return "".join([*parts, caption[end:]])
