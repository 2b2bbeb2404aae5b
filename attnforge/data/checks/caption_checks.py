"""Checks of captions before a tokenizer is chosen: counts of words, and captions without words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from attnforge.data.checks.words import unspaced_script, words
from attnforge.data.reading.problem_groups import ProblemGroups
from attnforge.data.reading.rows import Row
from attnforge.errors import Place, Problem

MAX_WORDS = 18
"""Words of a caption that recipes read, unless a phase says otherwise."""
SIDES = frozenset({"left", "right"})
"""Words that are wrong of a mirrored image."""
OTHER_TOKENIZERS = "`tokenizer: sentencepiece`, which learns subwords, or `character` with its `extra`"


class CaptionChecks:
    """Counts the words of captions row by row and collects those that the `word` tokenizer cannot encode.

    Args:
        place: Where a row is written.
    """

    def __init__(self, place: Callable[[Row], Place]) -> None:
        self._place = place
        self.words: Counter[str] = Counter()
        self.lengths: Counter[int] = Counter()
        """How many captions have how many words."""
        self._problems = ProblemGroups()
        self._remarks = ProblemGroups()
        self._sided, self._first_sided = 0, Place("")
        self._first_long = Place("")
        self._unspaced: Counter[str] = Counter()
        self._first_unspaced: dict[str, tuple[Place, str]] = {}

    def add(self, row: Row) -> None:
        """Check the captions of one image."""
        place = self._place(row)
        wordless = []
        for caption in row.captions:
            caption_words = words(caption)
            self.words.update(caption_words)
            self.lengths[len(caption_words)] += 1
            self._compare_with_recipes(caption_words, place)
            if not caption_words:
                wordless.append(caption)
            elif not caption.isascii() and (script := self._script(caption_words)):
                self._unspaced[script] += 1
                self._first_unspaced.setdefault(script, (place, max(caption_words, key=len)))
        if not wordless:
            return
        message = f"the caption {wordless[0]!r} of {row.file_name} has no words"
        if len(wordless) == len(row.captions):
            problem = Problem(
                "wordless-caption", message, place, f"a caption with words, or {OTHER_TOKENIZERS}"
            )
            self._problems.add(problem, cause="all")
        else:
            remark = Problem("wordless-caption", f"{message}; its other captions do", place)
            self._remarks.add(remark, cause="some")

    def _compare_with_recipes(self, caption_words: list[str], place: Place) -> None:
        if len(caption_words) > MAX_WORDS and not self._first_long.source:
            self._first_long = place
        if not SIDES.isdisjoint(caption_words):
            self._first_sided = self._first_sided if self._sided else place
            self._sided += 1

    def problems(self) -> list[Problem]:
        """Images that the `word` tokenizer cannot train on."""
        return self._problems.problems()

    def remarks(self) -> list[Problem]:
        """Captions that the `word` tokenizer skips or takes for one word."""
        return [
            *self._remarks.problems(),
            *map(self._script_remark, self._unspaced),
            *self._of_recipes(),
        ]

    def _of_recipes(self) -> list[Problem]:
        """What recipes do to the captions unless they say otherwise."""
        remarks = []
        total = self.lengths.total()
        if long := sum(count for length, count in self.lengths.items() if length > MAX_WORDS):
            message = (
                f"{long:,} of {total:,} captions have more than {MAX_WORDS} words, of which a step reads "
                f"{MAX_WORDS}, chosen at random"
            )
            expected = f"`phases.damsm.max_words={max(self.lengths)}` and the same of the other phases"
            remarks.append(Problem("long-captions", message, self._first_long, expected))
        if self._sided:
            message = (
                f"{self._sided:,} of {total:,} captions name left or right, and `flip`, which is on by "
                "default, mirrors half of the training images"
            )
            expected = "`data.flip=false`, if they mean sides of the image"
            remarks.append(Problem("mirrored-sides", message, self._first_sided, expected))
        return remarks

    def _script_remark(self, script: str) -> Problem:
        place, word = self._first_unspaced[script]
        message = (
            f"{self._unspaced[script]:,} of {self.lengths.total():,} captions are in a script without spaces "
            f"({script}): the `word` tokenizer reads {word[:40]!r} as one word"
        )
        return Problem("unspaced-script", message, place, OTHER_TOKENIZERS)

    def _script(self, caption_words: list[str]) -> str | None:
        return next((script for word in caption_words if (script := unspaced_script(word))), None)
