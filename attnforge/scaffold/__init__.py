"""Writes a new plugin: a complete distribution with working components to start from."""

from attnforge.scaffold.names import MAX_NAME_LENGTH, Names, PartNames, name_plugin
from attnforge.scaffold.project import project_files, write_project
from attnforge.scaffold.several import kinds_listed

__all__ = [
    "MAX_NAME_LENGTH",
    "Names",
    "PartNames",
    "kinds_listed",
    "name_plugin",
    "project_files",
    "write_project",
]
