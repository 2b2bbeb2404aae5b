"""Writes a whole plugin, as a distribution of its own with a component that works, for a start."""

from attnforge.scaffold.names import LONGEST, Names, name_plugin
from attnforge.scaffold.project import project_files, write_project

__all__ = ["LONGEST", "Names", "name_plugin", "project_files", "write_project"]
