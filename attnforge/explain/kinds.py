"""Explains kinds of components: their interfaces, and the components of each."""

from __future__ import annotations

import inspect

from attnforge.explain.topic import Explanation
from attnforge.plugin import KINDS, PluginCatalogue


def explain_kind(kind: str, plugins: PluginCatalogue) -> Explanation:
    """A kind with its interface."""
    # Interfaces import torch, which other topics do without.
    from attnforge.interfaces import INTERFACES

    interface = INTERFACES[kind]
    names = list(plugins.registry.names(kind))
    text = inspect.getdoc(interface) or ""
    listed = f"components: {', '.join(names)}" if names else "No component of this kind is installed."
    methods = "\n".join(
        f"  {name}{_unquoted(inspect.signature(method))}"
        for name, method in vars(interface).items()
        if inspect.isfunction(method) and (not name.startswith("_") or name == "__call__")
    )
    facts = {
        "topic": "kind",
        "name": kind,
        "summary": KINDS[kind].summary,
        "interface": interface.__name__,
        "text": text,
        "components": names,
    }
    body = f"interface attnforge.interfaces.{interface.__name__}:\n{methods}\n\n{text}\n\n{listed}"
    return Explanation(f"kind {kind}: {KINDS[kind].summary}", body, facts)


class _Words(str):
    """An annotation that is shown without quotes."""

    def __repr__(self) -> str:
        return str(self)


def _unquoted(signature: inspect.Signature) -> inspect.Signature:
    """The signature with unevaluated annotations, which are strings, shown without quotes."""
    parameters = [
        parameter.replace(annotation=_Words(parameter.annotation))
        if isinstance(parameter.annotation, str)
        else parameter
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]
    returns = signature.return_annotation
    return inspect.Signature(
        parameters, return_annotation=_Words(returns) if isinstance(returns, str) else returns
    )
