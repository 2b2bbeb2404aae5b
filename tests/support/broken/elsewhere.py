"""A module that offers a class that lies in another one."""

from broken.further import WellMade

__all__ = ["WellMade"]
