"""A module that exports a class defined in another module."""

from broken.further import WellMade

__all__ = ["WellMade"]
