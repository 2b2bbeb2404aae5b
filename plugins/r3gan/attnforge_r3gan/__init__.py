"""R3GAN: relativistic pairing, zero-centred gradient penalties, and residual networks without normalisation."""
