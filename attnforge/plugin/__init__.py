"""Plugins: declaring components, discovering and loading plugins, and the state of each."""

from attnforge.kinds import KINDS
from attnforge.plugin.catalogue import PluginCatalogue
from attnforge.plugin.checked_recipe import CheckedRecipe
from attnforge.plugin.component import API_VERSION, Component
from attnforge.plugin.discovery import load_plugins
from attnforge.plugin.hookspec import hookimpl
from attnforge.plugin.migration import Migration
from attnforge.plugin.plugin import Plugin
from attnforge.plugin.registry import Registry

__all__ = [
    "API_VERSION",
    "KINDS",
    "CheckedRecipe",
    "Component",
    "Migration",
    "Plugin",
    "PluginCatalogue",
    "Registry",
    "hookimpl",
    "load_plugins",
]
