"""What a training step needs, from shapes alone: memory, FLOP, and the batch size that fits."""
