"""Writes a new plugin: a complete distribution with a working component to start from."""

from attnforge.scaffold.names import MAX_NAME_LENGTH, Names, name_plugin
from attnforge.scaffold.project import project_files, write_project

__all__ = ["MAX_NAME_LENGTH", "Names", "name_plugin", "project_files", "write_project"]
