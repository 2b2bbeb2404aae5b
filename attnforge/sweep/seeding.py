"""The seeds of a sweep: every configuration is a run for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attnforge.errors import Problem
from attnforge.recipe.node import Items, Map, Node, Scalar
from attnforge.recipe.override import Assignment

KEY = ("training", "seed")


@dataclass(frozen=True, slots=True)
class Seed:
    """The seed of a run; without a value it is the recipe's own."""

    value: int | None = None
    assignments: tuple[Assignment, ...] = ()

    def label(self, configuration: str) -> str:
        """The label of a configuration's run with this seed."""
        return configuration if self.value is None else f"{configuration}, seed {self.value}"


def read_seeds(
    node: Node | None, assignments: Sequence[Assignment], problems: list[Problem]
) -> tuple[Seed, ...]:
    """The seeds that every configuration is trained with.

    Args:
        node: The value of `seeds:`.
        assignments: All of the sweep; none may assign the seed that `seeds` has values for.
        problems: Problems found so far; appended to.
    """
    if not isinstance(node, Items):
        return (Seed(),)
    for assignment in assignments:
        if assignment.steps in (KEY, KEY[:1]) and (assignment.steps == KEY or _has_seed(assignment.value)):
            message = "`training.seed` is assigned, although `seeds` has a value for each run"
            expected = "one of the two"
            problems.append(Problem("two-seeds", message, assignment.places[0], expected))
    seeds: dict[int, Seed] = {}
    for item in node.items:
        if not (isinstance(item, Scalar) and isinstance(item.value, int)):
            continue  # reported when the file was decoded
        if item.value in seeds:
            message = f"`seeds` has {item.value} twice"
            problems.append(Problem("same-name", message, item.place, "different seeds"))
        seeds[item.value] = Seed(item.value, (Assignment(KEY, (item.place, item.place), item),))
    return tuple(seeds.values()) or (Seed(),)


def _has_seed(node: Node) -> bool:
    return isinstance(node, Map) and "seed" in node.entries
