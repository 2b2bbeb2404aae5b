"""Plugins: declaring components, discovering and loading plugins, and the state of each."""

from attnforge.kinds import KINDS
from attnforge.plugin.catalogue import Plugin, PluginCatalogue
from attnforge.plugin.component import API_VERSION, Component
from attnforge.plugin.discovery import load_plugins
from attnforge.plugin.hookspec import hookimpl
from attnforge.plugin.migration import Migration
from attnforge.plugin.registry import Registry

__all__ = [
    "API_VERSION",
    "KINDS",
    "Component",
    "Migration",
    "Plugin",
    "PluginCatalogue",
    "Registry",
    "hookimpl",
    "load_plugins",
]
