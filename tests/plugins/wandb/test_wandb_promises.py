"""The tracker keeps the promises of its kind."""

from __future__ import annotations

import attnforge_wandb.plugin as wandb_plugin

from attnforge.plugin import load_plugins
from attnforge.testing import conformance

TestTracker = conformance(
    "tracker/wandb", options={"mode": "offline"}, plugins=load_plugins(extra=[("wandb", wandb_plugin)])
)
