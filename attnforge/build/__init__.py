"""Builds objects from recipes."""

from attnforge.build.assemble import assemble
from attnforge.build.builder import Builder

__all__ = ["Builder", "assemble"]
