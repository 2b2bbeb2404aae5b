"""A traced graph as steps that a page runs: flat arrays in, flat arrays out, all shapes known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node

from attnforge.errors import Problem, RunError

Shape = tuple[int, ...]


class PageProgram(TypedDict):
    """A graph as `program.js` reads it; values are numbered."""

    inputs: list[tuple[str, int]]
    outputs: list[tuple[str, int, Shape]]
    weights: list[tuple[int, int]]
    """Values, and which of the page's arrays they are."""
    prepare: list[dict[str, Any]]
    """Steps that depend on weights alone."""
    steps: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PageArray:
    """An array that a page holds."""

    numbers: Tensor
    exact: bool
    """Whether it must not be stored in fewer bits: a constant of the graph, rather than weights."""


Lower = Callable[["Steps", Node, Any], int | list[int]]
"""Adds the steps of a node with its arguments, and returns its value, or its values where it has several."""


@dataclass
class Steps:
    """The steps of a graph while they are collected.

    Args:
        lowered: What each operation of torch becomes, by its name.
        arrays: The arrays of the page, to which those of the graph are added.
    """

    lowered: Mapping[str, Lower]
    arrays: list[PageArray]
    steps: list[dict[str, Any]] = field(default_factory=list)
    weights: list[tuple[int, int]] = field(default_factory=list)
    _values: dict[Node, int | list[int]] = field(default_factory=dict)
    _known: dict[Node, Tensor] = field(default_factory=dict)
    """Nodes that depend on nothing, such as ranges, with their values."""
    _count: int = 0

    def add(self, operation: str, inputs: Sequence[int], **options: Any) -> int:
        """Add a step, and return its value."""
        (value,) = self.add_several(operation, inputs, outputs=1, **options)
        return value

    def add_several(
        self, operation: str, inputs: Sequence[int], *, outputs: int, **options: Any
    ) -> list[int]:
        """Add a step with several values, and return them."""
        values = [self.new_value() for _ in range(outputs)]
        self.steps.append({"op": operation, "in": list(inputs), "out": values, **options})
        return values

    def new_value(self) -> int:
        """The number of another value."""
        self._count += 1
        return self._count

    def value(self, node: Any) -> int:
        """The value of a node that an operation reads."""
        if node not in self._values and node in self._known:
            self._values[node] = self.constant(self._known[node])
        value = self._values[node]
        assert isinstance(value, int)  # noqa: S101  (parts of several values are taken apart first)
        return value

    def constant(self, numbers: Tensor, *, exact: bool = True) -> int:
        """A value that never changes."""
        value = self.new_value()
        self.weights.append((value, len(self.arrays)))
        self.arrays.append(PageArray(numbers.detach(), exact))
        return value

    def lower(self, program: ExportedProgram, inputs: Sequence[str], outputs: Sequence[str]) -> PageProgram:
        """The program of a graph.

        Args:
            program: The graph, of fixed shapes.
            inputs: The names of its inputs.
            outputs: The names of its outputs.

        Raises:
            RunError: an operation has no equivalent in a page.
        """
        graph = program.graph
        graph.eliminate_dead_code()
        named = self._bind_inputs(program, inputs)
        for node in graph.nodes:
            if node.op == "call_function":
                self._lower_node(node)
        results = next(node for node in graph.nodes if node.op == "output").args[0]
        returned = [
            (name, self.value(node), shape_of(node)) for name, node in zip(outputs, results, strict=True)
        ]
        prepare, steps = _divided(self.steps, {value for value, _ in self.weights})
        return PageProgram(inputs=named, outputs=returned, weights=self.weights, prepare=prepare, steps=steps)

    def _bind_inputs(self, program: ExportedProgram, names: Sequence[str]) -> list[tuple[str, int]]:
        remaining, named = iter(names), []
        nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
        for specification in program.graph_signature.input_specs:
            node = nodes[specification.arg.name]
            if specification.kind is InputKind.USER_INPUT:
                self._values[node] = value = self.new_value()
                named.append((next(remaining), value))
            elif node.users:
                tensors = {**program.state_dict, **program.constants}
                self._values[node] = self.constant(tensors[specification.target or ""], exact=False)
        return named

    def _lower_node(self, node: Node) -> None:
        name = str(node.target)
        if name == "<built-in function getitem>":
            source, place = node.args
            values = self._values[source]  # type: ignore[index]
            self._values[node] = values[place] if isinstance(values, list) else values  # type: ignore[index]
        elif all(parent in self._known for parent in node.all_input_nodes):
            self._known[node] = _computed(node, self._known)
        elif name in self.lowered:
            self._values[node] = self.lowered[name](self, node, node.args)
        elif getattr(node.target, "is_view", False):
            self._values[node] = self.lowered["view"](self, node, node.args)
        elif node.users:
            raise without_equivalent(name)


def shape_of(node: Any) -> Shape:
    """The shape of a node's value."""
    return tuple(int(length) for length in node.meta["val"].shape)


def _computed(node: Node, known: Mapping[Node, Tensor]) -> Tensor:
    """The value of a node that depends on nothing that the page is given."""
    arguments, options = torch.fx.node.map_arg((node.args, node.kwargs), known.__getitem__)
    result: Tensor = node.target(*arguments, **options)  # type: ignore[operator]
    return result


def _divided(
    steps: Sequence[dict[str, Any]], constants: set[int]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The steps that depend on weights alone, and the others."""
    prepare, others, fixed = [], [], set(constants)
    for step in steps:
        if fixed.issuperset(step["in"]):
            fixed.update(step["out"])
            prepare.append(step)
        else:
            others.append(step)
    return prepare, others


def without_equivalent(name: str) -> RunError:
    """The error of an operation that pages cannot compute."""
    message = f"the page cannot compute torch's operation {name}, which this run's networks use"
    expected = "networks of convolutions, products, normalisations, LSTMs and functions of single numbers"
    step = "attnforge export onnx RUN -o FOLDER"
    return RunError(Problem("not-exportable", message, expected=expected, next_step=step))
