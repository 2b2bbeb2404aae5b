"""SSA-GAN (Liao et al., CVPR 2022): a one-stage generator that follows the sentence inside masks."""
