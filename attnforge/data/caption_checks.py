"""The checks of captions before any tokenizer is chosen: their words, and what has none."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from attnforge.data.metadata import Row
from attnforge.data.repeated import Repeated
from attnforge.data.words import unspaced_script, words
from attnforge.errors import Place, Problem

OTHER_TOKENIZERS = "`tokenizer: sentencepiece`, which learns pieces of text, or `character` with its `extra`"


class CaptionChecks:
    """Counts the words of captions, row by row, and notes captions that the `word` tokenizer cannot read.

    Args:
        source: The file that the captions stand in.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self.words: Counter[str] = Counter()
        self.lengths: Counter[int] = Counter()
        """How many captions have how many words."""
        self._problems = Repeated()
        self._remarks = Repeated()
        self._unspaced: Counter[str] = Counter()
        self._first_unspaced: dict[str, tuple[int | None, str]] = {}

    def take(self, row: Row) -> None:
        """Count the captions of one image."""
        place = Place(str(self.source), row.line)
        wordless = []
        for caption in row.captions:
            found = words(caption)
            self.words.update(found)
            self.lengths[len(found)] += 1
            if not found:
                wordless.append(caption)
            elif not caption.isascii() and (script := self._script(found)):
                self._unspaced[script] += 1
                self._first_unspaced.setdefault(script, (row.line, max(found, key=len)))
        if not wordless:
            return
        message = f"the caption {wordless[0]!r} of {row.file_name} holds no word"
        if len(wordless) == len(row.captions):
            problem = Problem(
                "wordless-caption", message, place, f"a caption with words, or {OTHER_TOKENIZERS}"
            )
            self._problems.add(problem, cause="all")
        else:
            remark = Problem("wordless-caption", f"{message}, and the others of the image do", place)
            self._remarks.add(remark, cause="some")

    def problems(self) -> list[Problem]:
        """Images with which training with the `word` tokenizer does not begin."""
        return self._problems.problems()

    def remarks(self) -> list[Problem]:
        """What the `word` tokenizer leaves out or takes for one word."""
        return [*self._remarks.problems(), *map(self._of_script, self._unspaced)]

    def _of_script(self, script: str) -> Problem:
        line, word = self._first_unspaced[script]
        message = (
            f"{self._unspaced[script]:,} of {self.lengths.total():,} captions are in a script without spaces "
            f"({script}): the `word` tokenizer takes {word[:40]!r} for one word"
        )
        return Problem("unspaced-script", message, Place(str(self.source), line), OTHER_TOKENIZERS)

    def _script(self, found: list[str]) -> str | None:
        return next((script for word in found if (script := unspaced_script(word))), None)
