"""Training: the loop of a phase, the engine, checkpoints.

Called, it trains a recipe: `attnforge.train("quickstart")`.
"""

from attnforge.called import called

called(__name__, "attnforge.api.training:train")
