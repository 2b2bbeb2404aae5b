"""Training: the loop of a phase, the engine, checkpoints."""
