"""Looks up a topic: a component, a kind, a hook, an error code or a setting of the official code."""

from __future__ import annotations

from attnforge.errors import AttnforgeError, Problem, nearest
from attnforge.explain.codes import codes
from attnforge.explain.hooks import hooks
from attnforge.explain.official import official_setting, official_settings
from attnforge.explain.topic import Explanation
from attnforge.plugin import KINDS, Component, PluginCatalogue


def look_up(topic: str, plugins: PluginCatalogue) -> list[Explanation]:
    """Everything with that name; `KIND/NAME` is one component, a bare name may be several.

    Raises:
        AttnforgeError: `unknown-topic` when nothing has that name.
        PluginError: a component cannot be imported.
    """
    explanations: list[Explanation] = []
    if topic in KINDS:
        from attnforge.explain.kinds import explain_kind

        explanations.append(explain_kind(topic, plugins))
    hook_name = topic if topic.startswith("attnforge_") else f"attnforge_{topic.replace('-', '_')}"
    if (hook := hooks(plugins).get(hook_name)) is not None:
        explanations.append(hook)
    if (code := codes(plugins).get(topic)) is not None:
        explanations.append(code)
    explanations += official_setting(topic)
    for component in _components(topic, plugins):
        from attnforge.explain.components import explain_component

        explanations.append(explain_component(component, plugins))
    if not explanations:
        raise AttnforgeError(_unknown(topic, plugins))
    return explanations


def _components(topic: str, plugins: PluginCatalogue) -> list[Component]:
    return [part for part in plugins.registry if topic in (part.name, f"{part.kind}/{part.name}")]


def _unknown(topic: str, plugins: PluginCatalogue) -> Problem:
    parts = [f"{part.kind}/{part.name}" for part in plugins.registry]
    names = [part.name for part in plugins.registry]
    known = [*parts, *names, *KINDS, *codes(plugins), *hooks(plugins), *official_settings()]
    close = nearest(topic, known)
    what = "a component such as `attention/word`, a kind, a hook or an error code"
    expected = f"`{close}`; a topic is {what}" if close else what
    return Problem("unknown-topic", f"nothing is called `{topic}`", None, expected, "attnforge components")
