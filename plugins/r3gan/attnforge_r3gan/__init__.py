"""R3GAN: relativistic pairing, zero-centred gradient penalties, networks without normalisation."""
