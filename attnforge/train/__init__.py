"""Training: the loop of a phase, checkpoints, and the device."""
