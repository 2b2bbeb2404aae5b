"""Packages that can be called: `attnforge.train("quickstart")` beside `attnforge.train.loop`.

Importing a module binds it as an attribute of its package, in place of a function of the same name. So the
packages `train`, `evaluate` and `recipe` stay modules, and become callable.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any


class CalledModule(ModuleType):
    """A module that passes calls on to a function elsewhere, which is imported by the first call."""

    _function: str
    """The function: `package.module:name`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__wrapped__(*args, **kwargs)

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        module, _, name = self._function.partition(":")
        function: Callable[..., Any] = getattr(import_module(module), name)
        return function

    @property
    def __signature__(self) -> inspect.Signature:
        """The function's, for `help` and completion."""
        return inspect.signature(self.__wrapped__)


def called(module: str, function: str) -> None:
    """Make a module, which calls this from its top level, callable.

    Args:
        module: Its `__name__`.
        function: The function that it stands for: `package.module:name`.
    """
    target = sys.modules[module]
    target.__class__ = CalledModule
    target.__dict__["_function"] = function
