"""Compares results side by side; `attnforge compare` does so from files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from attnforge.api import arguments
from attnforge.errors import Problem, RunError
from attnforge.evaluate.comparing import Comparison
from attnforge.evaluate.comparing import compare as compare_results
from attnforge.evaluate.results import Result, find_result, read_result

Source = Result | str | os.PathLike[str]
"""What `attnforge.evaluate` returned for a protocol; or a run, a folder of images, or a file of results."""


def compare(
    sources: Sequence[Source] | Mapping[str, Source], *, protocol: str | None = None, anyway: bool = False
) -> Comparison:
    """Compare results of one protocol: `attnforge.compare({"before": first, "after": second})`.

    A notebook shows the table; `.text("latex")` and `.rows` have it for other uses. Where a value is a mean
    over images, it has a 95% interval of its difference from the first system's.

    Args:
        sources: Two results or more, or paths of what has results; or these by the titles of their columns.
        protocol: Which results of a path that has those of several protocols.
        anyway: Compare results of different conditions, and list these.

    Raises:
        RunError: there are fewer than two; a path has no results; or the results differ in conditions.
    """
    chosen = None if protocol is None else arguments.text("protocol", protocol, expected="a protocol's name")
    if isinstance(sources, Mapping):
        results = [replace(_read(source, chosen), system=str(name)) for name, source in sources.items()]
    else:
        expected = "a list of results or of paths, or a dictionary of these by name"
        items = arguments.several("sources", sources, expected=expected)
        results = [_read(source, chosen) for source in items]
    if len(results) < 2:
        count = "one result" if results else "no result"
        message = f"there is {count}, and nothing to compare it with"
        raise RunError(Problem("not-comparable", message, None, "two results or more"))
    return compare_results(results, anyway=anyway)


def _read(source: object, protocol: str | None) -> Result:
    if isinstance(source, Result):
        return source
    expected = "a path, or what `attnforge.evaluate` returns when it is given a protocol"
    return read_result(find_result(arguments.path("sources", source, expected=expected), protocol=protocol))
