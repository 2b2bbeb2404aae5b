"""Evaluation: images are generated for captions of the test split and scored by metrics.

Called, it evaluates a run: `attnforge.evaluate("runs/birds")`.
"""

from attnforge.called import called

called(__name__, "attnforge.api.evaluating:evaluate")
