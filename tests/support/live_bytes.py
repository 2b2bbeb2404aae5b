"""How much memory tensors take at once."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Within it, follows the memory of all tensors that are made; `most` is the most there was at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.most = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {one.untyped_storage()._cdata for one in tree_leaves((args, kwargs)) if self.is_tensor(one)}
        found = func(*args, **(kwargs or {}))
        for one in tree_leaves(found):
            if self.is_tensor(one):
                storage = one.untyped_storage()
                if storage._cdata not in given and storage._cdata not in self.known:
                    self.known.add(storage._cdata)
                    self.now += storage.nbytes()
                    weakref.finalize(storage, self.forget, storage._cdata, storage.nbytes())
                    self.most = max(self.most, self.now)
        return found

    @staticmethod
    def is_tensor(value: object) -> bool:
        return isinstance(value, torch.Tensor)

    def forget(self, which: int, size: int) -> None:
        """A storage is gone."""
        self.known.discard(which)
        self.now -= size
