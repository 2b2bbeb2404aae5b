"""Divides the blocks of a captions file among processes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from attnforge.errors import Place, Problem, RunError

BLOCK_IMAGES = 512
"""Images of a block, at most: what a killed process loses, and what an archive holds."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of several equal shares of all blocks: every `count`-th block, from block `number - 1` on."""

    number: int = 1
    count: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a share such as `2/8`.

        Raises:
            RunError: it is not `NUMBER/COUNT` with a number from 1 to the count.
        """
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            message = f"`{text}` is not a part"
            place = Place("command line", 1, 1, f"--part {text}"[:120], 1)
            expected = "--part NUMBER/COUNT with a number from 1 to the count, such as `--part 2/8`"
            raise RunError(Problem("bad-part", message, place, expected))
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of_environment(cls, variables: Mapping[str, str]) -> Self:
        """The share of a process that `torchrun` started, from RANK and WORLD_SIZE; else everything.

        Raises:
            RunError: the variables are not numbers that fit.
        """
        rank, world = variables.get("RANK"), variables.get("WORLD_SIZE")
        if rank is None or world is None:
            return cls()
        if rank.isdecimal() and world.isdecimal() and int(rank) < int(world):
            return cls(int(rank) + 1, int(world))
        message = f"RANK={rank} and WORLD_SIZE={world} are not a part"
        expected = "numbers as torchrun sets them, or `--part NUMBER/COUNT`, which takes precedence"
        raise RunError(Problem("bad-part", message, expected=expected, next_step="unset RANK WORLD_SIZE"))

    def blocks(self, total: int) -> range:
        """The numbers of its blocks among `total`."""
        return range(self.number - 1, total, self.count)

    def split(self, processes: int) -> tuple[Part, ...]:
        """Equal shares of this one; together they have the same blocks."""
        count = self.count * processes
        return tuple(Part(self.number + self.count * process, count) for process in range(processes))


def lines_per_block(per_caption: int) -> int:
    """How many captions a block has; it depends on nothing else, so that every process divides equally."""
    return max(1, BLOCK_IMAGES // per_caption)
